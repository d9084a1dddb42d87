"""CloudFormation's resource types and stack operations that the emulator lacks."""
