"""Are the forecasts any good? Backtests, their scores, calibration."""
