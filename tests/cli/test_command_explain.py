import math
import re

import pytest

SPELLED = {"·": "*", "²": "**2", "½": "0.5", "e^(": "exp(", "ln(": "log("}
CALCULATION = re.compile(r"([-+*/(), .\d]|e-?\d+|exp|log|tanh|max|min)+")
NAMES = {"exp": math.exp, "log": math.log, "tanh": math.tanh, "max": max, "min": min}


def equations(output):
    """Yield each line's last expression, worked out from the numbers as shown, and its result."""
    for line in output.splitlines():
        *names, expression, result = ["", *re.split(r" = | ← ", line.strip())]
        for shown, meant in SPELLED.items():
            expression = expression.replace(shown, meant)
        if line.startswith("  ") and len(names) > 1 and CALCULATION.fullmatch(expression):
            yield line, eval(expression, NAMES), float(result)


def assert_followable(output, at_least):
    found = list(equations(output))
    assert len(found) >= at_least
    for line, worked_out, shown in found:
        assert worked_out == pytest.approx(shown, rel=2e-3, abs=2e-4), line


def value(output, name):
    """Return the first number that is printed for a name."""
    line = next(line for line in output.splitlines() if line.strip().startswith(f"{name} "))
    return float(re.split(r" = ", line)[-1])


@pytest.mark.parametrize("backend", ["reference", "auto"])
def test_the_worked_example_has_the_numbers_of_the_derivation(run, backend):
    output = run(f"explain --backend {backend}")
    for name, printed in {
        "a⁽¹⁾₁": 0.6225,
        "a⁽¹⁾₂": 0.2689,
        "a⁽²⁾₁": 0.5875,
        "L": 0.0850,
        "δ⁽²⁾₁": -0.0999,
        "δ⁽¹⁾₁": -0.0235,
        "δ⁽¹⁾₂": 0.0196,
        "∂L/∂W⁽²⁾₁₁": -0.0622,
        "∂L/∂W⁽²⁾₁₂": -0.0269,
        "W⁽¹⁾₁₁": 0.5235,
    }.items():
        assert value(output, name) == pytest.approx(printed, abs=1e-4), name
    alone = output[output.index("Does it work?") :]
    assert value(alone, "L") == pytest.approx(0.0846, abs=1e-4)
    whole = output[output.index("The step:") :]
    assert value(whole, "L") < 0.08


def test_the_worked_example_can_be_followed(run):
    assert_followable(run("explain"), at_least=30)


@pytest.mark.parametrize(
    "options",
    [
        "--layers 2,3,1",
        "--layers 3,4,2,2 --activation tanh --output-activation identity --learning-rate 0.01",
        "--layers 2,3,2 --activation relu --output-activation tanh --seed 4",
        "--layers 3,2,3 --loss cross_entropy --seed 1",
        "--layers 3,2,2 --loss binary_cross_entropy --activation identity",
        "--layers 2,1",
        "--layers 2,3,2 --activation gelu --loss huber --output-activation softplus",
        "--layers 2,3,2 --activation mish --loss focal",
        "--layers 2,3,2 --activation selu --loss binary_focal",
        "--layers 2,3,2 --activation elu --loss gamma --learning-rate 0.01",
        "--layers 2,3,2 --activation leaky_relu --loss poisson --learning-rate 0.1",
        "--layers 2,3,2 --activation hardtanh --loss quantile --output-activation identity",
        "--layers 2,3,2 --activation softplus --loss log_cosh --output-activation selu",
        "--layers 2,3,2 --activation silu --loss absolute_error --output-activation elu",
    ],
)
def test_any_small_network_can_be_followed(run, options):
    output = run(f"explain {options} --backend reference")
    assert_followable(output, at_least=12)
    assert len(re.findall(r"The loss (fell|rose|stayed)", output)) == 2


def test_one_weight_alone_is_changed_and_put_back(run):
    output = run("explain --layers 2,2,1 --backend reference --seed 5")
    first = re.search(r"W⁽¹⁾ = ⎡\s+(\S+)", output).group(1)
    alone = re.search(r"W⁽¹⁾₁₁ ← (\S+) - ", output).group(1)
    assert float(first) == float(alone)
    stepped = output[output.index("The step:") :]
    after = re.search(r"W⁽¹⁾ = ⎡\s+(\S+)", stepped).group(1)
    assert value(output, "W⁽¹⁾₁₁") == pytest.approx(float(after), rel=1e-4)


def test_seeds_draw_other_networks(run):
    line = "explain --layers 2,3,1 --backend reference --seed "
    assert run(line + "1") == run(line + "1") != run(line + "2")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--layers 784,100,10", "at most 9 units"),
        ("--layers 9,9,9", "120 parameters"),
        ("--layers 3", "from the input's size to the output's"),
        ("--layers two", "whole numbers"),
        ("--activation swish", "swish"),
        ("--loss cross_entropy --output-activation tanh", "cross_entropy"),
    ],
)
def test_what_cannot_be_shown_is_refused(run, options, words):
    assert words in run(f"explain {options}", code=1)
