"""What each primitive means: formula, shapes, aliasing, source.

`reference`, `compiled` and `cuda.primitives` implement this protocol; tests hold them to it.
Matrices are row-major and their rows are examples: A is (B, d), the derivation's A transposed, the
same bytes; W is (fan_in, fan_out). `out` and what is called a sum are written, all else is read.
Arguments are distinct memory except where an entry says otherwise. A quantity that changes from
batch to batch is a one-element array, so that a recorded call stays right when it is replayed.
"""

from typing import Protocol

from .formulas import Activation, Loss
from .group import Group
from .masks import Mask
from .native.arguments import Array
from .optimizers import L2, SGD, Adam, Lion, RMSProp
from .sparse import SparseRows


class Kernels(Protocol):
    """The primitives of mini-batch backpropagation."""

    def gather(self, X: Array, order: Array, cursor: Array, out: Array) -> None:
        """out_i = X[order[cursor + i]].

        Parameters
        ----------
        X : (n, d), any strides, may be read-only; on a CPU float32 or float64, whatever out is
        order : (n,) int64
        cursor : (1,) int64
        out : (B, d)
        """

    def advance(self, counter: Array, amount: int) -> None:
        """counter = counter + amount.

        Parameters
        ----------
        counter : (1,) int64
        """

    def add(self, amount: Array, total: Array) -> None:
        """total = total + amount.

        Adds up the gradients of a batch's parts, where memory does not hold it whole.

        Parameters
        ----------
        amount, total : (size,)
        """

    def all_reduce(self, total: Array, ranks: Group) -> None:
        """total = sum over the ranks of total.

        Adds up the gradients of a batch's rows that ranks have computed side by side.

        Parameters
        ----------
        total : (size,)
            A sum; the same bits on all ranks.
        ranks : Group
            All of them call it.
        """

    def normalize(self, share: Array, alpha: float, decay: Array) -> None:
        """s = sum(share); share = share / s; decay = alpha / s.

        Turns a batch's example weights into shares of its loss; the penalty scales alike.

        Parameters
        ----------
        share : (B, 1)
        decay : (1,) float64
        """

    def dense(
        self, A: Array, W: Array, b: Array, activation: Activation, Z: Array, out: Array
    ) -> None:
        """Z = A W + b; out = sigma(Z).

        The forward pass of one layer (derivation: "Vectorised backprop with mini-batches").

        Parameters
        ----------
        A : (B, fan_in)
        W : (fan_in, fan_out)
        b : (fan_out,)
        Z, out : (B, fan_out)
            May be the same array, where only sigma(Z) is wanted.

        Notes
        -----
        softmax subtracts each row's maximum first.
        """

    def dense_and_slope(
        self, A: Array, W: Array, b: Array, activation: Activation, slope: Array, out: Array
    ) -> None:
        """Z = A W + b; out = sigma(Z); slope = sigma'(Z).

        `dense` for a layer that an error is pulled back through, where sigma' is written with Z:
        both have the same exponential.

        Parameters
        ----------
        activation : Activation
            One that reads Z, as `formulas.ACTIVATIONS` says.
        slope : (B, fan_out)
        A, W, b, out
            As for `dense`.
        """

    def sparse_dense(
        self, A: SparseRows, W: Array, b: Array, activation: Activation, Z: Array, out: Array
    ) -> None:
        """Z = A W + b; out = sigma(Z), for sparse examples: `dense` without their zeros.

        Row i of A W is the sum of a W[column] over the entries a of A's row, in their order.

        Parameters
        ----------
        A : SparseRows
            (B, fan_in), of Z's dtype.
        W, b, Z, out
            As for `dense`.

        Notes
        -----
        On a CPU only: CUDA's primitives refuse it.
        """

    def dropout(self, A: Array, mask: Mask, out: Array) -> None:
        """out = A (.) M: each element is dropped with the mask's rate, the others are scaled.

        M holds 0 or 1 / (1 - rate), so that the expectation of out is A ("inverted" dropout). What
        is dropped is -0 in out and nothing else is, which leaves `dropout_delta` to see M.

        Column j of a row takes 16 bits, at j mod 8, of the block that Philox has for the counter
        (n, j div 8, layer), n being the example's number among all that were trained on, in two
        words: neither the batch's size, its parts, threads, ranks nor the machine change what is
        dropped.

        Parameters
        ----------
        A, out : (B, d)
            May be the same array.
        mask : Mask
            Its rate is rounded to a multiple of 2^-16, and M's scale belongs to the rounded one.

        Notes
        -----
        Source: N. Srivastava et al., "Dropout: a simple way to prevent neural networks from
        overfitting", 2014, section 10 for scaling while training; `philox` for the bits.
        """

    def dropout_delta(self, dropped: Array, mask: Mask, delta: Array) -> None:
        """delta = delta (.) M, in place, with the M that `dropout` made `dropped` with.

        Parameters
        ----------
        dropped : (B, d)
            The `out` of `dropout`.
        mask : Mask
            That of `dropout`.
        delta : (B, d)
        """

    def output_delta(
        self,
        A: Array,
        Y: Array,
        share: Array,
        activation: Activation,
        loss: Loss,
        delta: Array,
        total: Array,
        constant: Array | None = None,
    ) -> None:
        """delta_i = share_i dL_i/dz_i; total = total + sum_i share_i L_i.

        The output error (derivation: "Computing the output-layer error"): y_hat - y in the
        standard pairings (softmax and cross-entropy, sigmoid and binary cross-entropy, identity and
        squared error, exp and Poisson), (y_hat - y) (.) sigma'(z) for the squared error with
        another activation; `formulas.Loss` has the others. share_i = 1/B makes it the gradient of
        the mean, once and for all.

        Parameters
        ----------
        A : (B, k)
            y_hat.
        Y : (B, k)
        share : (B, 1)
        delta : (B, k)
        total : (1,) float64
            A sum over batches.
        constant : (k,) or None
            The loss's constant of each output; None for what `formulas.LOSSES` says.
        """

    def weight_grad(self, A: Array, delta: Array, grad_W: Array) -> None:
        """grad_W = A^T delta (derivation: "Computing the parameter gradients").

        Parameters
        ----------
        A : (B, fan_in)
        delta : (B, fan_out)
        grad_W : (fan_in, fan_out)
        """

    def sparse_weight_grad(self, A: SparseRows, delta: Array, grad_W: Array) -> None:
        """grad_W = A^T delta, for sparse examples: the rows of columns without entries are 0.

        An element adds up its terms in the order of the batch's rows, for any number of threads.

        Parameters
        ----------
        A : SparseRows
            (B, fan_in), of delta's dtype.
        delta : (B, fan_out)
        grad_W : (fan_in, fan_out)

        Notes
        -----
        On a CPU only: CUDA's primitives refuse it.
        """

    def bias_grad(self, delta: Array, grad_b: Array) -> None:
        """grad_b = sum_i delta_i, the derivation's Delta 1_B.

        Parameters
        ----------
        delta : (B, fan_out)
        grad_b : (fan_out,)
        """

    def hidden_delta(
        self, delta: Array, W: Array, saved: Array, activation: Activation | None, out: Array
    ) -> None:
        """out = (delta W^T) (.) sigma'(Z), sigma' written with what the layer below saved.

        The recursion (derivation: "Backpropagating through the layers"). With a = sigma(z) saved,
        sigma' is a (1 - a) for the sigmoid, 1 - a^2 for tanh, 1 where a > 0 and else 0 for ReLU, 1
        for the identity; with z saved it is s (1 + z (1 - s)), s the sigmoid of z, for SiLU.

        Parameters
        ----------
        delta : (B, fan_out)
        W : (fan_in, fan_out)
        saved : (B, fan_in)
            A or Z of the layer below, as `formulas.ACTIVATIONS` says.
        activation : Activation or None
            The layer's below; None where sigma'(Z) itself is saved.
        out : (B, fan_in)
        """

    def clip(self, grad: Array, largest: float, norm: Array) -> None:
        """n = ||grad||; grad = grad largest / n where n > largest; norm = norm + n.

        Limits the norm of a batch's gradient; the squares are added up in an order that depends on
        the vector's length alone, so that the bits are the same for any number of threads.

        Parameters
        ----------
        grad : (size,)
            Scaled in place.
        largest : float
            Infinity where the norm is only wanted.
        norm : (1,) float64
            A sum over batches, of the norms before clipping.

        Notes
        -----
        Source: R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent
        neural networks", 2013, algorithm 1.
        """

    def sgd(self, theta: Array, grad: Array, state: SGD, l2: L2) -> None:
        """One step of gradient descent with momentum, weight decay of both kinds in the same pass.

        g = grad + decay theta (the first `decayed` elements; grad for the rest);
        penalty = penalty + decay/2 ||theta[:decayed]||^2;
        kept = theta - rate weight_decay theta (the first `decayed` elements; theta for the rest);
        velocity = momentum velocity - rate g;
        theta = kept + velocity, with Nesterov's momentum kept + momentum velocity - rate g.

        Parameters
        ----------
        theta, grad : (size,)
        state : SGD
            velocity is written.
        l2 : L2
            penalty is a sum over batches.

        Notes
        -----
        Source: I. Sutskever et al., "On the importance of initialization and momentum in deep
        learning", 2013, with the rate inside the velocity as scikit-learn has it; I. Loshchilov and
        F. Hutter, "Decoupled weight decay regularization", 2019, for `kept`.
        """

    def adam(self, theta: Array, grad: Array, state: Adam, l2: L2) -> None:
        """One step of Adam, AdamW or NAdam, weight decay of both kinds in the same pass.

        g, penalty and kept as in `sgd`;
        m = beta_1 m + (1 - beta_1) g;  v = beta_2 v + (1 - beta_2) g^2;
        c_1 = 1 - beta_1^t;  c_2 = sqrt(1 - beta_2^t);
        ADAM: theta = kept - rate c_2 / c_1 m / (sqrt(v) + epsilon);
        ADAMW: theta = kept - rate / c_1 m / (sqrt(v) / c_2 + epsilon);
        NADAM: mu_i = beta_1 (1 - 0.96^(0.004 i) / 2);  p_t = mu_1 .. mu_t;
        theta = kept - rate (mu_t+1 m / (1 - p_t+1) + (1 - mu_t) g / (1 - p_t))
        / (sqrt(v) / c_2 + epsilon).

        Parameters
        ----------
        theta, grad : (size,)
        state : Adam
            m and v are written.
        l2 : L2
            penalty is a sum over batches.

        Notes
        -----
        Source: D. Kingma and J. Ba, "Adam: a method for stochastic optimization", 2015, section 2,
        last paragraph: epsilon stands outside the bias correction; algorithm 1 for ADAMW, as
        PyTorch has it; T. Dozat, "Incorporating Nesterov momentum into Adam", 2016.
        """

    def rmsprop(self, theta: Array, grad: Array, state: RMSProp, l2: L2) -> None:
        """One step of RMSprop, weight decay of both kinds in the same pass.

        g, penalty and kept as in `sgd`;
        v = beta_2 v + (1 - beta_2) g^2;
        theta = kept - rate g / (sqrt(v) + epsilon).

        Parameters
        ----------
        theta, grad : (size,)
        state : RMSProp
            v is written.
        l2 : L2
            penalty is a sum over batches.

        Notes
        -----
        Source: T. Tieleman and G. Hinton, "Neural networks for machine learning", lecture 6.5,
        2012, with epsilon as PyTorch has it.
        """

    def lion(self, theta: Array, grad: Array, state: Lion, l2: L2) -> None:
        """One step of Lion, weight decay of both kinds in the same pass.

        g, penalty and kept as in `sgd`;
        theta = kept - rate sign(beta_1 m + (1 - beta_1) g);
        m = beta_2 m + (1 - beta_2) g.

        Parameters
        ----------
        theta, grad : (size,)
        state : Lion
            m is written.
        l2 : L2
            penalty is a sum over batches.

        Notes
        -----
        Source: X. Chen et al., "Symbolic discovery of optimization algorithms", 2023, algorithm 2.
        """
