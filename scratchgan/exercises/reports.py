"""The reports of the patients of chapter 13, as `bugs.examine` makes them; a test compares the two.

They are kept here because an exercise should not have to examine nine patients each time.  (You are reading answers.)
"""

# A line for each thing and pass; behind the last colon its wrong arrays.
_TEXT = """
* gradients assigned
a whole game: backward: D's loss: D.0.W | D.0.b | D.2.W | D.2.b
a whole game: field's Jacobian: D.0.W | D.0.b | D.2.W | D.2.b
* activations kept on the layer
Dense alone: backward after another forward: W
Dense alone: tangent after another forward: y
Dense alone: tangent_backward after another forward: W
a net with LeakyReLU: backward after another forward: 0.W | 2.W
a net with LeakyReLU: tangent after another forward: y
a net with LeakyReLU: tangent_backward after another forward: 0.W | 2.W
a net with Tanh: backward after another forward: 0.W | 2.W
a net with Tanh: tangent after another forward: y
a net with Tanh: tangent_backward after another forward: x | 0.W | 0.b | 2.W
a whole game: backward: D's loss: D.0.W | D.2.W
a whole game: field's Jacobian: D.0.W | D.2.W
* fakes with a minus
the loss alone: backward: D: fake logits
the loss alone: tangent: D: fake logits
a whole game: backward: D's loss: D.0.W | D.0.b | D.2.W | D.2.b
a whole game: field's Jacobian: D.0.W | D.0.b | D.2.W | D.2.b
* 1/N forgotten
the loss alone: backward: D: real logits | fake logits
the loss alone: tangent: D: real logits | fake logits
a whole game: backward: D's loss: D.0.W | D.0.b | D.2.W | D.2.b
a whole game: field's Jacobian: D.0.W | D.0.b | D.2.W | D.2.b
* batch statistics held constant
BatchNorm, training: backward: x
BatchNorm, training: tangent_backward: x
BatchNorm, training: adjoint: <dy, ty>
BatchNorm, training: tangent_backward (x only): x
BatchNorm, training: adjoint (x only): <dy, ty>
BatchNorm, training: tangent_backward (parameters only): x
* BatchNorm in two modes
BatchNorm, evaluation: backward: x
BatchNorm, evaluation: tangent_backward: x
BatchNorm, evaluation: adjoint: <dy, ty>
BatchNorm, evaluation: tangent_backward (x only): x
BatchNorm, evaluation: adjoint (x only): <dy, ty>
BatchNorm, evaluation: tangent_backward (parameters only): x
* no second derivative
a net with Tanh: tangent_backward: x | 0.W | 0.b
a net with Tanh: tangent_backward (x only): x | 0.W | 0.b
a net with Tanh: tangent_backward (parameters only): x | 0.W | 0.b
* slope with a minus
a net with LeakyReLU: backward: x | 0.W | 0.b
a net with LeakyReLU: tangent: y
a net with LeakyReLU: tangent_backward: 2.W
a net with LeakyReLU: tangent (x only): y
a net with LeakyReLU: tangent_backward (x only): 2.W
a net with LeakyReLU: tangent (parameters only): y
a net with LeakyReLU: tangent_backward (parameters only): 2.W
a whole game: backward: D's loss: D.0.W | D.0.b
a whole game: backward: G's loss: G.0.W | G.0.b | G.2.W | G.2.b
a whole game: field's Jacobian: D.0.W | D.0.b | D.2.W | D.2.b | G.0.W | G.0.b | G.2.W | G.2.b
a whole game: backward: D.x | D.0.W | D.0.b
a whole game: tangent: D.y
a whole game: tangent_backward: D.2.W
a whole game: tangent (x only): D.y
a whole game: tangent_backward (x only): D.2.W
a whole game: tangent (parameters only): D.y
a whole game: tangent_backward (parameters only): D.2.W
* the other loss's gradient
the loss alone: backward: G: fake logits
the loss alone: tangent: G: fake logits
a whole game: backward: G's loss: G.0.W | G.0.b | G.2.W | G.2.b
a whole game: field's Jacobian: G.0.W | G.0.b | G.2.W | G.2.b
"""


def _parsed(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in text.strip().splitlines():
        if line.startswith("* "):
            rows = found.setdefault(line.removeprefix("* "), [])
        else:
            where, arrays = line.rsplit(": ", 1)
            rows += [f"{where}: {array}" for array in arrays.split(" | ")]
    return found


#: fault -> the wrong rows of its report
REPORTS = _parsed(_TEXT)
