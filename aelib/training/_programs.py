"""Compile a program once for all nets that differ by their numbers alone.

To trace a program takes a fraction of a second. What XLA then makes of it takes a second or more,
and is the same for every seed. Two programs count as equal if their graphs are, for a graph is all
that a program does. The configuration of a net is not: a regulariser or a loss may hang on a
variable that no configuration mentions.
"""

from collections.abc import Callable
from functools import cache
import hashlib
from threading import Lock

from aelib._startup import tf

MOST_PROGRAMS = 16
# These hold names that TensorFlow numbers anew each time, and do not change what a node computes.
NAMES_ONLY = {"_class", "_gradient_op_type"}
# What these do hangs on Python objects that no graph shows.
PYTHON_CALLS = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}
# XLA draws these without regard to any seed. keras.random draws from a seed that is an argument.
UNSEEDED = {
    "Multinomial",
    "ParameterizedTruncatedNormal",
    "RandomGamma",
    "RandomPoissonV2",
    "RandomShuffle",
    "RandomStandardNormal",
    "RandomUniform",
    "RandomUniformInt",
    "TruncatedNormal",
}

_programs: dict[str, tuple[tf.types.experimental.ConcreteFunction, Lock]] = {}
_lock = Lock()


class NotComparable(LookupError):
    """A graph does not tell all that its program does, or in no form that is known here."""


def operations(program: tf.types.experimental.ConcreteFunction) -> set[str]:
    """List the kinds of operation in a program and in the functions that it calls."""
    graph = program.graph.as_graph_def()
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    return {node.op for node in nodes}


def _digest(parts: list) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def fingerprint(program: tf.types.experimental.ConcreteFunction) -> str:
    """Tell equal programs by their graphs, whatever their nodes and variables are called.

    Parameters
    ----------
    program : a traced function, as `get_concrete_function` gives it

    Returns
    -------
    A digest of all operations in their order, of their constants, types and shapes, and of the
    functions that they call. Captured tensors and variables count by their place, not their value.

    Raises
    ------
    NotComparable
        If the graph calls back into Python, or names a tensor that it does not hold.
    """
    library = program.graph.as_graph_def().library.function
    functions = {function.signature.name: function for function in library}

    @cache
    def of_called(name: str) -> str:
        return of_function(functions[name]) if name in functions else name

    def of_attribute(value) -> str:
        if value.HasField("func"):
            return of_called(value.func.name)
        return str([of_called(function.name) for function in value.list.func] or value)

    def of_function(function) -> str:
        arguments = function.signature.input_arg
        names = [*(argument.name for argument in arguments), *(n.name for n in function.node_def)]
        places = {name: place for place, name in enumerate(names)}

        def of_tensor(name: str) -> tuple:
            node, *output = name.removeprefix("^").split(":")
            if node not in places:
                raise NotComparable(f"{function.signature.name} holds no tensor {name}")
            return places[node], output

        parts = [function.attr["_XlaMustCompile"].b, [argument.type for argument in arguments]]
        for node in function.node_def:
            if node.op in PYTHON_CALLS:
                raise NotComparable(f"{node.name} calls back into Python")
            values = [of_tensor(name) for name in node.input if name[0] != "^"]
            awaited = sorted(of_tensor(name) for name in node.input if name[0] == "^")
            attributes = sorted(set(node.attr) - NAMES_ONLY)
            parts += [of_called(node.op), node.device, values, awaited]
            parts += [(name, of_attribute(node.attr[name])) for name in attributes]
        parts += [of_tensor(function.ret[output.name]) for output in function.signature.output_arg]
        parts += sorted(map(of_tensor, function.control_ret.values()))
        return _digest(parts)

    shapes = [str(tensor.shape) for tensor in program.inputs]
    return _digest([shapes, of_function(program.function_def)])


def share(program: tf.types.experimental.ConcreteFunction) -> Callable[..., tf.Tensor]:
    """Take an equal program that is compiled already, if there is one, in place of a new one.

    Parameters
    ----------
    program : a traced function that has not been called yet

    Returns
    -------
    A function that does on every call what `program` would do, with the variables of `program`;
    `program` itself if its graph cannot be compared. Threads that share a program take turns.
    The last 16 programs are kept for others to share.
    """
    try:
        key = fingerprint(program)
    except NotComparable:
        return program
    variables = program.captured_inputs
    with _lock:
        # The last one used stands last.
        compiled, turn = _programs[key] = _programs.pop(key, (program, Lock()))
        if len(_programs) > MOST_PROGRAMS:
            del _programs[next(iter(_programs))]

    def run(*arguments):
        with turn:  # another thread must not put its variables in between
            compiled.set_external_captures(variables)
            return compiled(*arguments)

    return run


def forget_programs() -> None:
    """Forget all compiled programs, so that the next training compiles anew: to time that, say."""
    with _lock:
        _programs.clear()


def count_programs() -> int:
    """Count the compiled programs that are kept for others to share."""
    return len(_programs)
