"""The inference Lambda: SQS batches in, results in DynamoDB, a quantised model on CPU."""
