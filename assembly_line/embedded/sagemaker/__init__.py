"""SageMaker on one machine: moto keeps the records, worker threads really run the training and transform jobs."""
