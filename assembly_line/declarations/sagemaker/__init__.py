"""What SageMaker has, checked in so that nothing asks it: images of frameworks, instance types."""
