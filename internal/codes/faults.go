package main

// A fault is the code of one line of errors.
type fault struct {
	code   string
	params string // names of its parameters, or empty
	means  string
}

var faults = []fault{
	{"required", "", "The field is missing."},
	{"unknown", "`declared`, if the name differs only by case", "The field is not declared."},
	{"type", "`expected`", "The value has another JSON type."},
	{"const", "`allowed`", "The value is not the one that is allowed."},
	{"enum", "`allowed`", "The value is not one of the allowed values."},
	{"format", "`format`", "The text does not have the format, such as `email`."},
	{"pattern", "`pattern`", "The text does not match the pattern."},
	{"min_length", "`limit`", "The text has too few characters."},
	{"max_length", "`limit`", "The text has too many characters."},
	{"minimum", "`limit`", "The number, or the time, is too small."},
	{"maximum", "`limit`", "The number is too large."},
	{"exclusive_minimum", "`limit`", "The number is not larger than the limit."},
	{"exclusive_maximum", "`limit`", "The number is not smaller than the limit."},
	{"multiple_of", "`limit`", "The number is not a multiple of the limit."},
	{"min_items", "`limit`", "The array has too few items."},
	{"max_items", "`limit`", "The array has too many items."},
	{"unique_items", "`first`, `second`", "Two items are equal."},
	{"min_contains", "`limit`", "Too few items match the schema of `contains`."},
	{"max_contains", "`limit`", "Too many items match the schema of `contains`."},
	{"min_properties", "`limit`", "The object has too few properties."},
	{"max_properties", "`limit`", "The object has too many properties."},
	{"property_name", "", "The name of the property is not allowed."},
	{"dependent_required", "`with`", "The field is required together with another field."},
	{"forbidden", "`fields`, for a struct as a whole", "Nothing is allowed at this place. `authz`: the caller may not write the field, or the fields in it that `fields` lists."},
	{"read_only", "", "Only the server may set the field."},
	{"not", "", "The value matches a schema that is excluded."},
	{"any_of", "", "The value does not match any alternative."},
	{"one_of", "`matched`", "The value matches no alternative, or more than one alternative."},
	{"schema", "", "The value is not a JSON Schema."},
	{"repeated", "", "A parameter is given twice, and only one is allowed. Or a name is twice in one object of the body, in any case."},
	{"markup", "", "`sanitize`: the text has markup."},
	{"control", "", "`sanitize`: the text has control characters."},
	{"bidi", "", "`sanitize`: the text has bidirectional formatting characters."},
	{"encoding", "", "`sanitize`: the text is not UTF-8."},
	{"length", "`limit`", "`sanitize`: the text is too long."},
	{"spelling", "", "`sanitize`: the field is spelled in another case."},
	{"sqli", "", "`sanitize`: the text looks like a part of an SQL statement."},
	{"xss", "", "`sanitize`: the text has a script."},
	{"traversal", "", "`sanitize`: the text is a path that leaves its directory."},
	{"crlf", "", "`sanitize`: the text has a line break before a header field."},
	{"template", "", "`sanitize`: the text has an expression of a template."},
	{"nosql", "", "`sanitize`: a name is the operator of a query."},
	{"unreadable", "", "`sanitize`: the text could not be examined."},
}
