"""RunTask failures of a batch launcher (hako): remembered as demand for as long as they are said again."""
