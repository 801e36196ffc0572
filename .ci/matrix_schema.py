"""Write the JSON Schema of the matrix file beside its models: run this after a change of the models."""

from knowngood.declare import json_schema
from knowngood.declare.schema import JSON_SCHEMA

JSON_SCHEMA.write_text(json_schema.render(), encoding="utf-8")
