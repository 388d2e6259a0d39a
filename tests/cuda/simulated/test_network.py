"""The network's own tests, those that a GPU serves as well, on the stand-in."""

import pytest

from gpubackprop import backends
from tests.conftest import dtype  # noqa: F401
from tests.cuda.simulated.stand_in import StandIn
from tests.cuda.simulated.test_training import stand_in_backend
from tests.test_network import (  # noqa: F401
    net,
    test_a_batch_of_another_shape,
    test_a_cache_of_another_network_is_refused,
    test_a_cache_survives_the_next_forward_pass,
    test_a_learning_rate_may_be_any_number,
    test_a_step_is_gradient_descent,
    test_any_memory_order_is_read,
    test_astype_copies,
    test_cache_holds_the_batch_and_both_sides_of_the_activation,
    test_editing_a_weight_changes_the_forward_pass,
    test_epsilon_must_be_positive,
    test_everything_has_the_networks_dtype,
    test_gradients_of_another_network_are_refused,
    test_logistic_is_sigmoid,
    test_mean_is_the_default_reduction,
    test_numbers_must_be_finite,
    test_one_example_may_be_1d,
    test_padding_stays_zero,
    test_parameters_are_writable_views_of_theta,
    test_parameters_start_on_64_byte_boundaries,
    test_reduction_must_be_known,
    test_shapes_are_the_derivations,
    test_targets_of_another_shape,
    test_the_batch_is_not_written_to,
)
from tests.test_seeds import *  # noqa: F403


@pytest.fixture
def backend(monkeypatch):
    """Let whatever is chosen be the stand-in."""
    made = stand_in_backend(StandIn())
    monkeypatch.setattr(backends, "select", lambda *choice: made)
    return "auto"
