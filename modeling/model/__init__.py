"""From a study to its prediction: processing, encoders, fusion, calibration."""
