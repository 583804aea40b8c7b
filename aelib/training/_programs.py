"""Compile a program once for all nets that differ by their numbers alone.

To trace a program takes a fraction of a second. What XLA then makes of it takes a second or more,
and is the same for every seed. Two programs count as equal if their graphs are, for a graph is all
that a program does. The configuration of a net is not: a regulariser or a loss may hang on a
variable that no configuration mentions.
"""

from collections.abc import Callable
from functools import cache
import hashlib

from aelib._startup import tf

MOST_PROGRAMS = 16
# These hold names that TensorFlow numbers anew each time, and do not change what a node computes.
NAMES_ONLY = {"_class", "_gradient_op_type"}

_programs: dict[str, tf.types.experimental.ConcreteFunction] = {}


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
            return places[node], output

        parts = [function.attr["_XlaMustCompile"].b, [argument.type for argument in arguments]]
        for node in function.node_def:
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
    A function that does on every call what `program` would do, with the variables of `program`.
    The last 16 programs are kept for others to share.
    """
    variables = program.captured_inputs
    key = fingerprint(program)
    compiled = _programs[key] = _programs.pop(key, program)  # the last one used stands last
    if len(_programs) > MOST_PROGRAMS:
        del _programs[next(iter(_programs))]

    def run(*arguments):
        compiled.set_external_captures(variables)
        return compiled(*arguments)

    return run


def clear() -> None:
    """Forget all programs, so that the next ones are compiled anew: to time that, say."""
    _programs.clear()
