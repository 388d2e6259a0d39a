"""Fits that ranks compute together: whose rows are which, and how their models stay alike."""
