"""Methods by name, and how a variant of one is written: ``cod-point[map=cubic, anchors=false]``."""

import re
from dataclasses import dataclass, fields
from typing import Any

from cod_bayes import configio
from cod_bayes.config import Config
from cod_bayes.errors import ConfigError
from cod_bayes.methods.protocol import Method
from cod_bayes.plugin import load_object

_FOLDER = "cod_bayes.methods"

# name -> module:class; loaded when first asked for
METHODS = {
    "average": f"{_FOLDER}.average:Average",
    "stacked": f"{_FOLDER}.average:Stacked",
    "cod": f"{_FOLDER}.cod:Cod",
    "cod-point": f"{_FOLDER}.cod_point:CodPoint",
    "cod-point-nomap": f"{_FOLDER}.cod_point:CodPointWithoutMap",
    "end-to-end-exp": f"{_FOLDER}.end_to_end:EndToEnd",
    "end-to-end-bnsl": f"{_FOLDER}.end_to_end_bnsl:EndToEndBnsl",
    "end-to-end-passrate": f"{_FOLDER}.end_to_end_passrate:EndToEndPassRate",
    "direct-power": f"{_FOLDER}.direct_power:DirectPower",
    "ladder": f"{_FOLDER}.ladder:Ladder",
    "flp": f"{_FOLDER}.flp:Flp",
    "flp-m": f"{_FOLDER}.flp_m:FlpM",
    "item-bank": f"{_FOLDER}.item_bank:ItemBank",
    "item-level": f"{_FOLDER}.item_parametric:ItemLevel",
    "last-value": f"{_FOLDER}.last_value:LastValue",
}

_SPEC = re.compile(r"\s*(?P<name>[^\[\]]+?)\s*(?:\[(?P<settings>.*)\])?\s*", re.DOTALL)


@dataclass(frozen=True)
class Variant:
    """A method with its settings, and what it changes in the run's configuration.

    label
        What the user wrote, in one spelling: names results.
    """

    label: str
    method: Method[Any]
    overrides: tuple[str, ...] = ()

    def configure(self, config: Config) -> Config:
        """The run's configuration with this variant's settings over it."""
        values = configio.parse_overrides(self.overrides)
        return configio.revise(config, values, f"method {self.label!r}")


def load_method(name: str) -> Method[Any]:
    """Find a method by name, or by ``module:attribute`` for one of the user's own.

    Raises
    ------
    ConfigError
        If there is none.
    """
    if name not in METHODS and ":" not in name:
        raise ConfigError(
            f"there is no method {name!r}; there are {', '.join(METHODS)}, and module:attribute "
            "for one of your own"
        )
    kind = load_object(METHODS.get(name, name), type, "method", METHODS)
    if not issubclass(kind, Method):
        raise ConfigError(f"method {name!r} is no subclass of cod_bayes.methods.Method")
    method: Method[Any] = kind()
    return method


def parse_variant(text: str) -> Variant:
    """Read ``name`` or ``name[key=value, ...]``.

    A key that begins with a field of the method is a setting of the method; any other is a setting
    of the configuration, as in ``cod[law.curve=f1, mapping.form=none]``. Values have TOML's syntax.

    Raises
    ------
    ConfigError
        For an unknown method, an unknown key, or a value of the wrong type.
    """
    found = _SPEC.fullmatch(text)
    if found is None:
        raise ConfigError(f"{text!r} is not of the form name[key=value, ...]")
    name = found["name"]
    settings = split_settings(found["settings"] or "")
    method = load_method(name)
    own_names = {field.name for field in fields(method)}
    own = [text for text in settings if text.partition("=")[0].split(".")[0].strip() in own_names]
    others = tuple(text for text in settings if text not in own)
    method = configio.revise(method, configio.parse_overrides(own), f"method {name!r}")
    label = f"{name}[{', '.join(settings)}]" if settings else name
    variant = Variant(label, method, others)
    variant.configure(Config())  # an unknown key is better refused now
    return variant


def split_settings(text: str) -> list[str]:
    """Split ``key=value, ...`` at commas that no bracket or quote encloses; one spelling each.

    >>> split_settings('map = cubic, members=["a[x=1, y=2]", "b"]')
    ['map=cubic', 'members=["a[x=1, y=2]", "b"]']
    """
    parts, depth, quote = [""], 0, ""
    for character in text:
        if character in "\"'" and quote in ("", character):
            quote = "" if quote else character
        depth += 0 if quote else (character == "[") - (character == "]")
        if character == "," and not (depth or quote):
            parts.append("")
        else:
            parts[-1] += character
    pairs = [part.partition("=") for part in parts if part.strip()]
    return [f"{key.strip()}={value.strip()}" if eq else key.strip() for key, eq, value in pairs]
