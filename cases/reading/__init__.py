"""Films as people send them: PNG, JPEG and DICOM, decoded within limits."""
