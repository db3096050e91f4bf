"""The rollback window: the time after a change in which one press, or a failing check, goes back."""
