"""The CloudFormation stack: one template, deployed to AWS or to an emulator on this machine."""
