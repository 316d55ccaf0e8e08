"""What an action changes: effects against a control group, and who is changed most."""

from opportune.evaluate.uplift.regression import linear, logistic, predicted_chance

__all__ = ["linear", "logistic", "predicted_chance"]
