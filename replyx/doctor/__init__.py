"""What is wrong with an installation, and what to write where: looked at from inside and by way of its own address."""
