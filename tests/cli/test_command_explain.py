import math
import re

import numpy as np
import pytest

SPELLED = {"·": "*", "²": "**2", "½": "0.5", "e^(": "exp(", "ln(": "log("}
CALCULATION = re.compile(r"([-+*/(), .\d]|e-?\d+|exp|log|tanh|max|min)+")
DIFFERENCE = re.compile(r" \((-?[\d.]+(?:e-?\d+)?)\)$")
"""The finite difference beside a gradient."""
NAMES = {"exp": math.exp, "log": math.log, "tanh": math.tanh, "max": max, "min": min}


def equations(output):
    """Yield each line's last expression, worked out from the numbers as shown, and its result."""
    for line in output.splitlines():
        line = DIFFERENCE.sub("", line)
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
    return float(re.split(r" = ", DIFFERENCE.sub("", line))[-1])


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


BATCH = "--x 1,0;0,1;-0.5,2 --y 1;0;0.25"


@pytest.mark.parametrize(
    "options",
    [
        BATCH,
        f"{BATCH} --weights 0.5,1;-1,1;2,0/1,-1,0.5 --activation gelu --seed 3",
        "--layers 2,3,2 --examples 3 --loss cross_entropy",
        "--examples 2 --loss huber --output-activation identity",
    ],
)
def test_a_mini_batch_can_be_followed(run, options):
    output = run(f"explain {options} --backend reference")
    assert_followable(output, at_least=40)
    for name in "Δ⁽²⁾ 1_B", "L₁", "L₂", "Δ⁽¹⁾₁₁", "Z⁽²⁾₁₂":
        assert name in output


def test_a_mini_batchs_numbers_are_those_of_the_derivations_formulas(run):
    """The sum over the examples of the textbook's outer products, worked out in NumPy."""
    X, Y = np.array([[1, 0], [0, 1], [-0.5, 2]]).T, np.array([[1, 0, 0.25]])
    W1, W2 = np.array([[0.5, 1], [-1, 1]]), np.array([[1, -1]])
    A1 = 1 / (1 + np.exp(-W1 @ X))
    A2 = 1 / (1 + np.exp(-W2 @ A1))
    D2 = (A2 - Y) * A2 * (1 - A2) / 3
    D1 = W2.T @ D2 * A1 * (1 - A1)
    output = run(f"explain {BATCH}")
    for name, expected in {
        "L": ((A2 - Y) ** 2).sum() / 6,
        "Δ⁽²⁾₁₃": D2[0, 2],
        "∂L/∂W⁽²⁾₁₂": (D2 @ A1.T)[0, 1],
        "∂L/∂W⁽¹⁾₂₁": (D1 @ X.T)[1, 0],
        "∂L/∂b⁽¹⁾₂": D1.sum(axis=1)[1],
    }.items():
        assert value(output, name) == pytest.approx(expected, rel=1e-3), name


def test_a_finite_difference_stands_beside_each_gradient(run):
    output = run("explain --layers 3,2,3 --loss cross_entropy --examples 2 --backend reference")
    lines = [line for line in output.splitlines() if line.startswith("  ∂L/∂")]
    assert len(lines) == 3 * 2 + 2 + 2 * 3 + 3
    for line in lines:
        gradient = float(DIFFERENCE.sub("", line).split(" = ")[-1])
        assert float(DIFFERENCE.search(line).group(1)) == pytest.approx(
            gradient, rel=1e-4, abs=1e-9
        )
    assert "kink" not in output


def test_a_kink_is_told_of(run):
    output = run("explain --weights 1 --x 0 --y 1 --biases 0 --output-activation relu")
    assert "∂L/∂b⁽¹⁾₁ = δ⁽¹⁾₁ = 0 (-0.5)" in output
    assert "a kink of σ or L lies within ε" in output


def test_your_own_numbers_are_put_in(run):
    numbers = "--weights 0.25,-1/3 --biases 0.5/-2 --x 4,2 --y 7"
    output = run(f"explain {numbers} --activation identity --output-activation identity")
    assert "z⁽¹⁾₁ = 0.25 · 4 + (-1) · 2 + 0.5 = -0.5" in output
    assert "z⁽²⁾₁ = 3 · (-0.5) + (-2) = -3.5" in output
    assert value(output, "δ⁽²⁾₁") == -3.5 - 7


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--learning-rate 1e-30", "too short to be seen"),
        ("--learning-rate 100 --output-activation identity", "the step was too long"),
        ("--y 0 --x 0,0 --output-activation relu --biases 0,0/-9", "every gradient is 0"),
        ("--learning-rate 1e200 --output-activation identity", "much too long"),
    ],
)
def test_the_advice_fits(run, options, words):
    end = run(f"explain {options} --backend reference").split("The step:")[1]
    assert words in " ".join(end.split())
    told = ("too short", "was too long", "is 0.", "much too")
    assert sum(each in " ".join(end.split()) for each in told) == 1


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
        ("--loss cross_entropy --output-activation tanh --layers 2,2", "cross_entropy"),
        ("--loss cross_entropy", "softmax of one unit"),
        ("--learning-rate nan", "--learning-rate nan: a number above 0"),
        ("--learning-rate=-1", "--learning-rate -1: a number above 0"),
        ("--x 1", "--x 1: 2 numbers"),
        ("--x one,two", "--x one,two: numbers with commas"),
        ("--x 1,0;0,1", "--x has 2 examples, and --y has 1"),
        ("--layers 2,1 --x 1,0", "--y is missing"),
        ("--weights 1,2/3,4", "of shapes 1 x 2 / 1 x 1, one a layer, not 1 x 2 / 1 x 2"),
        ("--weights 1,2;3", "--weights 1,2;3: numbers with commas"),
        ("--biases 0/0", "of shapes 1 x 2 / 1 x 1"),
        ("--examples 2 --x 1,0", "--examples draws examples"),
        ("--loss gamma --y 0", "--y 0: the loss gamma takes numbers above 0"),
        ("--loss binary_cross_entropy --y 2", "from 0 to 1"),
        ("--layers 2,2 --loss cross_entropy --x 1,0 --y 1,1", "1 in the sum of each example"),
    ],
)
def test_what_cannot_be_shown_is_refused(run, options, words):
    assert words in " ".join(run(f"explain {options}", code=1).split())
