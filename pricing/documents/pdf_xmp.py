"""Says in the metadata of a PDF/A-3 that an electronic invoice is in it: this makes it Factur-X."""

import re

NAMESPACE = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
XML_NAME = "factur-x.xml"
PROPERTIES = (
    ("DocumentFileName", XML_NAME, "The name of the embedded XML document"),
    ("DocumentType", "INVOICE", "The type of the hybrid document in capital letters"),
    ("Version", "1.0", "The version of the standard that the embedded XML document follows"),
    ("ConformanceLevel", "EN 16931", "The conformance level of the embedded XML document"),
)
VALUES = (
    f'<rdf:Description rdf:about="" xmlns:fx="{NAMESPACE}">'
    + "".join(f"<fx:{name}>{value}</fx:{name}>" for name, value, _ in PROPERTIES)
    + "</rdf:Description>"
)
# PDF/A asks for a description of every schema that is not its own.
SCHEMA = (
    '<rdf:li rdf:parseType="Resource">'
    "<pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>"
    f"<pdfaSchema:namespaceURI>{NAMESPACE}</pdfaSchema:namespaceURI>"
    "<pdfaSchema:prefix>fx</pdfaSchema:prefix>"
    "<pdfaSchema:property><rdf:Seq>"
    + "".join(
        '<rdf:li rdf:parseType="Resource">'
        f"<pdfaProperty:name>{name}</pdfaProperty:name>"
        "<pdfaProperty:valueType>Text</pdfaProperty:valueType>"
        "<pdfaProperty:category>external</pdfaProperty:category>"
        f"<pdfaProperty:description>{what}</pdfaProperty:description>"
        "</rdf:li>"
        for name, _, what in PROPERTIES
    )
    + "</rdf:Seq></pdfaSchema:property></rdf:li>"
)


# As Typst writes it, not compressed; the table at the end has an entry of 20 bytes for each object.
METADATA = re.compile(rb"<</Length (\d+)/Type/Metadata/Subtype/XML>>\nstream\n")
ENTRY = re.compile(rb"(\d{10})(?= 00000 n\r\n)")


def with_factur_x(content: bytes) -> bytes:
    """Add the metadata of Factur-X to a PDF/A-3 that Typst wrote, and move what stands behind it.

    To read and write all of the file with a library would take as long as to print it.
    """
    found = METADATA.search(content)
    assert found, "Typst writes the metadata as it is"
    begin, end = found.start(), found.end() + int(found[1])
    metadata = _added_to(content[found.end() : end].decode()).encode()
    written = b"<</Length %d/Type/Metadata/Subtype/XML>>\nstream\n" % len(metadata) + metadata
    moved_by = len(written) - (end - begin)

    def moved(entry: re.Match[bytes]) -> bytes:
        place = int(entry[1])
        return b"%010d" % (place + moved_by if place > begin else place)

    objects, table, rest = content[end:].rpartition(b"\nxref\n")
    entries, trailer, last = rest.partition(b"startxref\n")
    place, finish, _ = last.partition(b"\n%%EOF")
    assert all((table, trailer, finish)), "Typst ends a file with a plain table of its objects"
    shifted = b"%d" % (int(place) + moved_by)
    tail = table + ENTRY.sub(moved, entries) + trailer + shifted + finish
    return content[:begin] + written + objects + tail


def _added_to(metadata: str) -> str:
    """A property may stand there once: the schema goes into the list that is there already."""
    described, lists = re.subn(
        r"(<pdfaExtension:schemas>\s*<rdf:Bag>)", rf"\1{SCHEMA}", metadata, count=1
    )
    added, ends = re.subn("(</rdf:RDF>)", rf"{VALUES}\1", described, count=1)
    assert (lists, ends) == (1, 1), "the metadata of a PDF/A lists its schemas"
    return added
