"""XML bodies: closures compiled from a shape that read elements and write markup."""

import re
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from gateway.aws.protocol.values import Convert, text_reader, text_writer
from gateway.aws.protocol.xml_tree import Element

Read = Callable[[list[Element]], Any]
_SPECIAL = re.compile(r"[&<>\x00-\x1f]")
_CONTROL = re.compile(r"[\x00-\x1f]")
Write = Callable[[list[str], Any], None]


def reader(shape: Any, known: dict[str, Read] | None = None) -> Read:
    """Reads a value from the elements of its name; only a flattened list takes more than one."""
    known = {} if known is None else known
    kind = shape.type_name
    if kind == "structure":
        if shape.name not in known:
            known[shape.name] = lambda elements: done(elements)
            done = known[shape.name] = _structure_reader(shape, known)
        return known[shape.name]
    if kind == "list":
        return _list_reader(shape, known)
    if kind == "map":
        return _map_reader(shape, known)
    return _scalar_reader(text_reader(shape))


def _scalar_reader(convert: Convert | None) -> Read:
    if convert is None:
        return lambda elements: elements[0].text
    return lambda elements: convert(elements[0].text)


def _structure_reader(shape: Any, known: dict[str, Read]) -> Read:
    members = [
        (name, element_name(name, member), reader(member, known))
        for name, member in shape.members.items()
        if "location" not in member.serialization and not _is_attribute(member)
    ]
    attributes = _attributes(shape)

    def read(elements: list[Element]) -> dict[str, Any]:
        element = elements[0]
        by_tag = element.by_tag()
        found = {name: read(by_tag[tag]) for name, tag, read in members if tag in by_tag}
        for name, attribute in attributes.items():
            if attribute in element.attributes:
                found[name] = element.attributes[attribute]
        return found

    return read


def _list_reader(shape: Any, known: dict[str, Read]) -> Read:
    read = reader(shape.member, known)
    if shape.serialization.get("flattened"):
        return lambda elements: [read([element]) for element in elements]
    return lambda elements: [read([element]) for element in elements[0].children]


def _map_reader(shape: Any, known: dict[str, Read]) -> Read:
    key, value = _map_names(shape)
    read_key, read_value = reader(shape.key, known), reader(shape.value, known)
    flattened = shape.serialization.get("flattened")

    def read(elements: list[Element]) -> dict[str, Any]:
        entries = elements if flattened else elements[0].children
        pairs = [entry.by_tag() for entry in entries]
        return {
            read_key(pair[key]): read_value(pair[value])
            for pair in pairs
            if key in pair and value in pair
        }

    return read


def writer(shape: Any, name: str, known: dict[tuple[str, str], Write] | None = None) -> Write:
    """Writes a value as an element of this name, or several for a flattened list or map."""
    known = {} if known is None else known
    kind = shape.type_name
    if kind == "structure":
        key = (shape.name, name)
        if key not in known:
            known[key] = lambda out, value: done(out, value)
            done = known[key] = _structure_writer(shape, name, known)
        return known[key]
    if kind == "list":
        return _list_writer(shape, name, known)
    if kind == "map":
        return _map_writer(shape, name, known)
    text, opening, closing = text_writer(shape, "iso8601"), f"<{name}>", f"</{name}>"
    return lambda out, value: out.append(f"{opening}{_escaped(text(value))}{closing}")


def root_writer(shape: Any, name: str, namespace: str) -> Write:
    """Writes a structure as the root of a document, in the namespace of its service."""
    return _structure_writer(shape, name, {}, namespace)


def _structure_writer(
    shape: Any, name: str, known: dict[tuple[str, str], Write], default_namespace: str = ""
) -> Write:
    members = {
        member_name: writer(member, element_name(member_name, member), known)
        for member_name, member in shape.members.items()
        if "location" not in member.serialization and not _is_attribute(member)
    }
    attributes = _attributes(shape)
    opening = f"{name}{_namespace(shape, default_namespace)}"

    def write(out: list[str], value: Any) -> None:
        marks = "".join(
            f" {attribute}={quoteattr(str(value[member]))}"
            for member, attribute in attributes.items()
            if value.get(member) is not None
        )
        out.append(f"<{opening}{marks}>")
        for member, item in value.items():
            if item is not None and member not in attributes:
                members[member](out, item)
        out.append(f"</{name}>")

    return write


def _list_writer(shape: Any, name: str, known: dict[tuple[str, str], Write]) -> Write:
    if shape.serialization.get("flattened"):
        write_flat = writer(shape.member, name, known)

        def flat(out: list[str], value: Any) -> None:
            for item in value:
                write_flat(out, item)

        return flat
    write_item = writer(shape.member, shape.member.serialization.get("name", "member"), known)

    def nested(out: list[str], value: Any) -> None:
        out.append(f"<{name}>")
        for item in value:
            write_item(out, item)
        out.append(f"</{name}>")

    return nested


def _map_writer(shape: Any, name: str, known: dict[tuple[str, str], Write]) -> Write:
    key, value = _map_names(shape)
    write_key, write_value = writer(shape.key, key, known), writer(shape.value, value, known)
    flattened = shape.serialization.get("flattened")
    entry = name if flattened else "entry"

    def write(out: list[str], items: Any) -> None:
        if not flattened:
            out.append(f"<{name}>")
        for item_key, item in items.items():
            out.append(f"<{entry}>")
            write_key(out, item_key)
            write_value(out, item)
            out.append(f"</{entry}>")
        if not flattened:
            out.append(f"</{name}>")

    return write


def element_name(name: str, member: Any) -> str:
    """A flattened list's element is named by its item, where the item has a name."""
    if member.type_name == "list" and member.serialization.get("flattened"):
        of_item = member.member.serialization.get("name")
        if of_item:
            return str(of_item)
    return str(member.serialization.get("name", name))


def _escaped(text: str) -> str:
    """S3 keys may hold control characters; they are written as references, as S3 does."""
    return _CONTROL.sub(_reference, escape(text)) if _SPECIAL.search(text) else text


def _reference(match: re.Match[str]) -> str:
    return f"&#{ord(match[0])};"


def _map_names(shape: Any) -> tuple[str, str]:
    return (
        shape.key.serialization.get("name", "key"),
        shape.value.serialization.get("name", "value"),
    )


def _is_attribute(member: Any) -> bool:
    return bool(member.serialization.get("xmlAttribute"))


def _namespace(shape: Any, default: str) -> str:
    namespace = shape.serialization.get("xmlNamespace", {})
    prefix = f":{namespace['prefix']}" if "prefix" in namespace else ""
    uri = namespace.get("uri", default)
    return f' xmlns{prefix}="{uri}"' if uri else ""


def _attributes(shape: Any) -> dict[str, str]:
    return {
        name: member.serialization["name"]
        for name, member in shape.members.items()
        if _is_attribute(member)
    }
