"""One answer from many specifications: averages, shares of choices, flips of the sign, searches, and units left out."""
