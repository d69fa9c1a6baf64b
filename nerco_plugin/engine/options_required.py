"""Which options a model or data set cannot do without, found in its source: those it reads by ``opt['key']``.

Only what runs in every case counts: reads under a condition do not, except under ``is_train`` or ``phase == 'train'``
when training. So nothing is asked for that a class could do without, and a KeyError in a worker becomes a fault here.
"""

import ast
from collections.abc import Iterator
from typing import Any

from nerco_plugin.engine.options_reads import key_of, module_tree, source_classes
from nerco_plugin.engine.options_source import KeyPath

MODEL_METHODS = ("__init__", "init_training_settings", "setup_optimizers", "setup_schedulers")
DATA_SET_METHODS = ("__init__", "__getitem__")


def required_keys(cls: type[Any], methods: tuple[str, ...], is_train: bool) -> set[KeyPath]:
    """Paths of keys that the ``methods`` of ``cls`` (its own or inherited) read without a default."""
    scan = _Scan(is_train)
    for method in methods if is_train or "__getitem__" in methods else methods[:1]:
        for function in _definitions(cls, method):
            scan.body(function.body)
    return scan.required


def _definitions(cls: type[Any], method: str) -> Iterator[ast.FunctionDef]:
    """The function that runs as ``method``, and those that it reaches by ``super()``."""
    for parent in source_classes(cls):
        function = _definition(parent, method)
        if function is not None:
            yield function
            if not any(_is_super_call(node, method) for node in ast.walk(function)):
                return


def _definition(cls: Any, method: str) -> ast.FunctionDef | None:
    tree = module_tree(cls)
    for node in tree.body if tree else []:
        if isinstance(node, ast.ClassDef) and node.name == cls.__name__:
            for item in node.body:
                if isinstance(item, ast.FunctionDef) and item.name == method:
                    return item
    return None


def _is_super_call(node: ast.AST, method: str) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == method
        and isinstance(node.func.value, ast.Call)
        and getattr(node.func.value.func, "id", "") == "super"
    )


class _Scan:
    """Follows ``opt``, ``self.opt`` and the names given to parts of them through a function's unconditional code."""

    def __init__(self, is_train: bool) -> None:
        self.is_train = is_train
        self.names: dict[str, KeyPath] = {"opt": (), "self.opt": ()}
        self.required: set[KeyPath] = set()

    def body(self, statements: list[ast.stmt]) -> None:
        """Go through the statements of a function, or of the branch that training takes."""
        for statement in statements:
            if isinstance(statement, ast.If):
                self.expression(statement.test)
                if self.is_train and _asks_for_training(statement.test):
                    self.body(statement.body)
            elif isinstance(statement, ast.For | ast.While | ast.Try | ast.With | ast.FunctionDef):
                continue
            else:
                self.expression(statement)
                if isinstance(statement, ast.Assign):
                    self.name(statement)
                if isinstance(statement, ast.Return | ast.Raise):
                    return

    def name(self, statement: ast.Assign) -> None:
        """Remember ``train_opt = self.opt['train']``; forget a name that now means something else."""
        for target in statement.targets:
            if isinstance(target, ast.Name | ast.Attribute):
                path = self.path(statement.value)
                if path is None:
                    self.names.pop(ast.unparse(target), None)
                else:
                    self.names[ast.unparse(target)] = path

    def expression(self, node: ast.AST) -> None:
        """Note every ``opt['key']`` in what is evaluated in any case."""
        if isinstance(node, ast.IfExp):
            return self.expression(node.test)
        if isinstance(node, ast.BoolOp):
            return self.expression(node.values[0])
        if isinstance(node, ast.Lambda | ast.ListComp | ast.DictComp | ast.SetComp | ast.GeneratorExp):
            return None
        looked_up = key_of(node)
        path = self.path(node)  # type: ignore[arg-type]
        if looked_up and looked_up[2] and path:
            self.required.add(path)
        for child in ast.iter_child_nodes(node):
            self.expression(child)
        return None

    def path(self, node: ast.expr) -> KeyPath | None:
        """The path of keys that an expression stands for, where it is a part of the options."""
        if isinstance(node, ast.Name | ast.Attribute):
            return self.names.get(ast.unparse(node))
        looked_up = key_of(node)
        if looked_up and isinstance(looked_up[1], ast.Constant) and isinstance(looked_up[1].value, str):
            around = self.path(looked_up[0])
            return None if around is None else (*around, looked_up[1].value)
        return None


def _asks_for_training(test: ast.expr) -> bool:
    text = ast.unparse(test)
    return text in ("self.is_train", "self.opt['is_train']", "opt['is_train']", "self.opt['phase'] == 'train'")
