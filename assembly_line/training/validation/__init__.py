"""Looking into a judged fit: by segment, calibration, stability, a linear model beside it, and the declared limits."""
