"""Tools in a training example: that they are declared, called and answered in a shape that servers take."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TypeGuard

from evalharness.records import Payload
from evalharness.text import shown
from evalharness.tuning.rules import Finding

_SHAPE = 'a tool is {"type": "function", "function": {"name": ..., "parameters": ...}}'
_CALL = 'a call is {"id": ..., "type": "function", "function": {"name": ..., "arguments": "..."}}'


def tool_findings(fields: Payload, line: int) -> Iterator[Finding]:
    """What is wrong with `tools`, `functions` and `parallel_tool_calls`."""
    if "tools" in fields and (what := _tools(fields["tools"])):
        yield Finding("invalid_tools", line, what, _SHAPE)
    if "functions" in fields:
        functions = fields["functions"]
        if not _is_list(functions) or not all(
            _is_object(each) and isinstance(each.get("name"), str) for each in functions
        ):
            yield Finding("invalid_tools", line, "'functions' is no list of objects with a 'name'")
    if not isinstance(fields.get("parallel_tool_calls", True), bool):
        yield Finding("invalid_tools", line, "'parallel_tool_calls' is neither true nor false")


def _tools(tools: object) -> str:
    if not _is_list(tools):
        return "'tools' is no list"
    for number, tool in enumerate(tools, 1):
        function = tool.get("function") if _is_object(tool) and tool.get("type") == "function" else None
        if not _is_object(function):
            return f"tool {number} is no function"
        if not isinstance(function.get("name"), str) or not function["name"]:
            return f"tool {number} has no name"
    return ""


def call_findings(messages: list[object], line: int) -> Iterator[Finding]:
    """What is wrong with the calls in a conversation, and with the answers to them."""
    open_calls: set[str] = set()
    for at, message in enumerate(messages):
        if not _is_object(message):
            continue
        if "tool_calls" in message:
            yield from _calls(message, at, line, open_calls)
        if message.get("role") != "tool":
            continue
        answered = message.get("tool_call_id")
        if not isinstance(answered, str):
            what = f"message {at + 1} is a tool's and has no 'tool_call_id'"
            yield Finding("invalid_tool_call", line, what, "it names the call that it answers", message=at)
        elif answered not in open_calls:
            what = f"message {at + 1} answers a call {shown(answered, 40)} that was not made"
            yield Finding("invalid_tool_call", line, what, message=at)


def _calls(message: Payload, at: int, line: int, open_calls: set[str]) -> Iterator[Finding]:
    calls = message["tool_calls"]
    if message.get("role") != "assistant":
        what = f"message {at + 1} calls a tool, and is not the assistant's"
        yield Finding("invalid_tool_call", line, what, message=at)
    if not _is_list(calls) or not calls:
        what = f"the 'tool_calls' of message {at + 1} are no list, or an empty one"
        yield Finding("invalid_tool_call", line, what, message=at)
        return
    for number, call in enumerate(calls, 1):
        function = call.get("function") if _is_object(call) else None
        whole = (
            _is_object(call)
            and _is_object(function)
            and isinstance(call.get("id"), str)
            and call.get("type") == "function"
            and isinstance(function.get("name"), str)
            and isinstance(function.get("arguments"), str)
        )
        if whole and _is_object(call):
            open_calls.add(str(call["id"]))
            continue
        what = f"call {number} of message {at + 1} lacks an id, a type, a name, or arguments as text"
        yield Finding("invalid_tool_call", line, what, _CALL, message=at)


def undeclared(messages: tuple[Payload, ...], tools: object) -> Iterator[tuple[int, str]]:
    """Calls of tools that are not listed, or whose arguments are no JSON: the message, from 0, and what is wrong."""
    if not any("tool_calls" in message for message in messages):
        return
    declared = {
        function.get("name")
        for tool in (tools if _is_list(tools) else ())
        if _is_object(tool) and _is_object(function := tool.get("function"))
    }
    for at, message in enumerate(messages):
        calls = message.get("tool_calls")
        for call in calls if _is_list(calls) else ():
            function = call.get("function") if _is_object(call) else None
            if not _is_object(function):
                continue
            name, arguments = function.get("name"), function.get("arguments")
            if name not in declared:
                yield at, f"message {at + 1} calls {shown(str(name), 40)}, which 'tools' does not list"
            try:
                json.loads(arguments if isinstance(arguments, str) else "")
            except (ValueError, RecursionError):
                yield at, f"the arguments of {shown(str(name), 40)} in message {at + 1} are no JSON"


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def _is_object(value: object) -> TypeGuard[Payload]:
    return isinstance(value, dict)
