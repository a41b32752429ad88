"Studies of whole models: where errors come from."

from .Budget import Budget, error_budget
