"""What is owed: payments, balances by age, statements, and what another system left."""
