"""De-identification: names, dates and numbers out of headers, texts and pixels."""
