"""What the operator and the handset say to each other beside call records: documents, confirmations, codes."""
