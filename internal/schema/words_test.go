package schema_test

import (
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/internal/schema"
)

// The words of OpenAPI and of editors describe, and its formats of numbers are
// bounds.
func TestCaseValidate22Words(t *testing.T) {
	tests := []struct{ name, schema, good, bad, fault string }{
		{"Descriptions", `{"type":"object","example":{"a":1},"externalDocs":{"url":"https://example.com"},"xml":{"name":"a"},"deprecated":true,"x-go":1,
			"discriminator":{"propertyName":"a","mapping":{"x":"#/x"}},"properties":{"a":{"type":"string","markdownDescription":"*a*","enumDescriptions":["a"],"example":"b","errorMessage":"no"}}}`,
			`{"a":"x"}`, `{"a":1}`, "/a type"},
		{"Int32", `{"type":"integer","format":"int32"}`, `-2147483648`, `2147483648`, " format"},
		{"Int64", `{"type":"integer","format":"int64"}`, `9223372036854775807`, `9223372036854775808`, " format"},
		{"Int64AsExponent", `{"type":"integer","format":"int64"}`, `1e3`, `1e19`, " format"},
		{"Int8", `{"type":"integer","format":"int8"}`, `127`, `128`, " format"},
		{"Uint16", `{"type":"integer","format":"uint16"}`, `65535`, `-1`, " format"},
		{"Float", `{"type":"number","format":"float"}`, `3.4e38`, `3.5e38`, " format"},
		{"Int32OfANumber", `{"type":"number","format":"int32"}`, `1.0`, `1.5`, " format"},
		{"NotOfANumber", `{"type":["string","integer"],"format":"int32"}`, `"x"`, `2147483648`, " format"},
		{"Base64", `{"type":"string","contentEncoding":"base64","contentMediaType":"image/png"}`, `"YQ=="`, `"a!"`, " format"},
		{"Reference", `{"type":"string","format":"uri-reference"}`, `"/a?b=c#d"`, `"javascript:alert(1)"`, " format"},
		{"Template", `{"type":"string","format":"uri-template"}`, `"/users/{id}{?page,limit}"`, `"/users/{id"`, " format"},
		{"Regex", `{"type":"string","format":"regex"}`, `"^a+$"`, `"("`, " format"},
		{"Time", `{"type":"string","format":"time"}`, `"15:09:26+02:00"`, `"25:00:00Z"`, " format"},
		{"Duration", `{"type":"string","format":"duration"}`, `"P3DT4H"`, `"3 days"`, " format"},
		{"Pointer", `{"type":"string","format":"json-pointer"}`, `"/a~1b"`, `"/a~2"`, " format"},
		{"Password", `{"type":"string","format":"password","minLength":3}`, `"abc"`, `"ab"`, " min_length"},
		{"Binary", `{"type":"string","format":"binary"}`, `"\u0001"`, `1`, " type"},
		{"Double", `{"type":"number","format":"double"}`, `1.7e308`, `"1"`, " type"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := compile(t, test.schema, schema.Options{Request: true})
			check(t, s, test.good).passed(t)
			check(t, s, test.bad).refused(t, test.fault)
		})
	}
	for _, test := range []struct{ name, schema, want string }{
		{"NearestName", `{"exampel":1}`, `did you mean "example"?`},
		{"NumberFormatOfAString", `{"type":"string","format":"int64"}`, "/format never applies to type string"},
		{"StringFormatOfANumber", `{"type":"integer","format":"uuid"}`, "/format never applies to type integer"},
		{"MisspelledNumberFormat", `{"type":"integer","format":"itn64"}`, `did you mean "int64"?`},
		{"Nullable", `{"type":"string","nullable":true}`, `["string", "null"]`},
		{"Encoding", `{"type":"string","contentEncoding":"bsae64"}`, `did you mean "base64"?`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := mistakes(t, test.schema); len(got) != 1 || !strings.Contains(got[0], test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// A format that somebody adds is held against strings, and against numbers where
// the schema is for numbers. It leaves the built-in formats of numbers alone.
func TestCaseValidate11OwnFormats(t *testing.T) {
	own := schema.Options{Formats: map[string]func(string) bool{
		"unix-time": func(s string) bool { return len(s) <= 10 },
		"int64":     func(s string) bool { return s == "1" },
		"email":     func(s string) bool { return s == "e" },
	}}
	for _, test := range []struct{ schema, good, bad string }{
		{`{"type":"integer","format":"unix-time"}`, `1700000000`, `17000000000`},
		{`{"type":["number","null"],"format":"unix-time"}`, `null`, `1700000000.5`},
		{`{"type":"string","format":"unix-time"}`, `"1"`, `"17000000000"`},
		{`{"type":["string","integer"],"format":"unix-time"}`, `17000000000`, `"17000000000"`},
		{`{"format":"unix-time"}`, `17000000000`, `"17000000000"`},
		{`{"type":"integer","format":"int64"}`, `2`, `9223372036854775808`},
		{`{"type":"string","format":"int64"}`, `"1"`, `"2"`},
		{`{"type":["string","integer"],"format":"int64"}`, `2`, `"2"`},
		{`{"type":["string","integer"],"format":"int64"}`, `"1"`, `9223372036854775808`},
		{`{"type":"string","format":"email"}`, `"e"`, `"a@example.com"`},
	} {
		s := compile(t, test.schema, own)
		check(t, s, test.good).passed(t)
		check(t, s, test.bad).refused(t, " format")
	}
	for _, text := range []string{`{"type":"boolean","format":"unix-time"}`, `{"type":"integer","format":"email"}`, `{"type":"array","format":"int64"}`} {
		if _, err := tryCompile(text, own); err == nil || !strings.Contains(err.Error(), "/format never applies to type") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// Everything that a reference reaches is read as strictly as the rest.
func TestCaseValidate5References(t *testing.T) {
	for _, test := range []struct{ name, schema, want string }{
		{"Extension", `{"properties":{"b":{"$ref":"#/x-shared/a"}},"x-shared":{"a":{"type":"string","maxLenght":5}}}`, "/x-shared/a/maxLenght is not a keyword"},
		{"BelowTheTarget", `{"properties":{"b":{"$ref":"#/x-shared/a"}},"x-shared":{"a":{"items":{"format":"emial"}}}}`, `did you mean "email"?`},
		{"ThroughAnotherTarget", `{"properties":{"b":{"$ref":"#/x-s/a"}},"x-s":{"a":{"$ref":"#/x-s/c"},"c":{"tpye":"string"}}}`, "/x-s/c/tpye is not a keyword"},
		{"Example", `{"properties":{"b":{"$ref":"#/examples/0"}},"examples":[{"type":"string","pattern":"(?=a)"}]}`, "/examples/0/pattern"},
		{"Default", `{"properties":{"b":{"$ref":"#/properties/c/default"},"c":{"default":{"minLenght":1}}}}`, "/properties/c/default/minLenght is not a keyword"},
		{"PropertiesAsASchema", `{"$ref":"#/properties","properties":{"b":{"type":"string"}}}`, "/properties/b is not a keyword"},
		{"DynamicRef", `{"properties":{"b":{"$dynamicRef":"#/x-shared/a"}},"x-shared":{"a":{"maxLenght":5}}}`, "/x-shared/a/maxLenght is not a keyword"},
		{"BelowABranch", `{"anyOf":[{"$ref":"#/x-shared/a"}],"x-shared":{"a":{"maxLenght":5}}}`, "/x-shared/a/maxLenght is not a keyword"},
		{"TypeOfTheTarget", `{"properties":{"b":{"$ref":"#/x-shared/a"}},"x-shared":{"a":{"type":"integer","minLength":5}}}`, "/x-shared/a/minLength never applies"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := mistakes(t, test.schema); len(got) != 1 || !strings.Contains(got[0], test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	t.Run("OnceForEachMistake", func(t *testing.T) {
		got := mistakes(t, `{"properties":{"a":{"$ref":"#/$defs/d"},"b":{"$ref":"#/$defs/d"},"c":{"$ref":"#/x-s"}},"$defs":{"d":{"x":1}},"x-s":{"$ref":"#/$defs/d"}}`)
		if len(got) != 1 {
			t.Errorf("got %q", got)
		}
	})
	t.Run("ASoundTarget", func(t *testing.T) {
		s := compile(t, `{"properties":{"b":{"$ref":"#/x-shared/a"}},"x-shared":{"a":{"type":"string","maxLength":5}}}`, schema.Options{})
		check(t, s, `{"b":"123456"}`).refused(t, "/b max_length")
	})
	t.Run("AnchorsAndIDsWithinATarget", func(t *testing.T) {
		for _, text := range []string{
			`{"properties":{"b":{"$ref":"#/x-shared/a"}},"x-shared":{"a":{"$id":"https://example.com/a","$ref":"#/$defs/c","$defs":{"c":{"maxLenght":5}}}}}`,
			`{"properties":{"b":{"$ref":"#/x-shared/a"}},"x-shared":{"a":{"$anchor":"here","maxLenght":5}}}`,
			`{"properties":{"b":{"$ref":"#/x-shared/a"}},"x-shared":{"a":{"$dynamicAnchor":"here","maxLenght":5}}}`,
			`{"properties":{"b":{"$ref":"#here"}},"x-shared":{"a":{"$anchor":"here","maxLenght":5}}}`,
		} {
			if s, err := tryCompile(text, schema.Options{}); err == nil {
				t.Errorf("%s compiles: %v", text, s)
			}
		}
	})
}

// New refuses what no value meets.
func TestCaseValidate12NothingMeets(t *testing.T) {
	for _, test := range []struct{ name, schema, want string }{
		{"EnumOfAnotherType", `{"type":"integer","enum":["1","2"]}`, "at / lists no value that the other rules of the schema allow"},
		{"ConstOfAnotherType", `{"type":"string","const":1}`, "lists no value"},
		{"EmptyEnum", `{"enum":[]}`, "lists no value"},
		{"EnumTooLong", `{"type":"string","maxLength":1,"enum":["aa","bb"]}`, "lists no value"},
		{"EnumAgainstAReference", `{"$ref":"#/$defs/i","enum":["1"],"$defs":{"i":{"type":"integer"}}}`, "lists no value"},
		{"EnumAgainstAllOf", `{"allOf":[{"minimum":5}],"enum":[1,2]}`, "lists no value"},
		{"Deep", `{"properties":{"a":{"items":{"type":"boolean","enum":["true"]}}}}`, "/properties/a/items lists no value"},
		{"TypesInAllOf", `{"type":"string","allOf":[{"type":"integer"}]}`, "allows no type"},
		{"TypesByReference", `{"$ref":"#/$defs/i","type":"string","$defs":{"i":{"type":["integer","null"]}}}`, "allows no type"},
		{"Exclusive", `{"exclusiveMinimum":1,"exclusiveMaximum":1}`, "/exclusiveMinimum is as much as exclusiveMaximum"},
		{"MinimumAtTheExclusiveMaximum", `{"minimum":1.0,"exclusiveMaximum":1}`, "/minimum is as much as exclusiveMaximum"},
		{"ExclusiveMinimumAtTheMaximum", `{"exclusiveMinimum":1,"maximum":1}`, "/exclusiveMinimum is as much as maximum"},
		{"ExclusiveAbove", `{"exclusiveMinimum":2,"maximum":1}`, "/exclusiveMinimum is more than maximum"},
		{"ContainsAndItems", `{"contains":true,"minContains":3,"maxItems":2}`, "/minContains is more than maxItems"},
		{"RequiredAndMaxProperties", `{"required":["a","b"],"maxProperties":1}`, "/required names more properties than maxProperties"},
		{"RequiredAndClosed", `{"required":["b"],"properties":{"a":true},"additionalProperties":false}`, `/required names "b", which the schema forbids`},
		{"MinPropertiesAndClosed", `{"minProperties":2,"properties":{"a":true},"additionalProperties":false}`, "/minProperties is more than the number of properties"},
		{"MinItemsAndClosed", `{"minItems":2,"prefixItems":[true],"items":false}`, "/minItems is more than the number of prefixItems"},
		{"BoundsInAllOf", `{"minimum":5,"allOf":[{"maximum":3}]}`, "has a minimum that excludes its maximum"},
		{"NoIntegerBetween", `{"type":"integer","exclusiveMinimum":1,"exclusiveMaximum":2}`, "allows no integer between its bounds"},
		{"NoIntegerBetweenFractions", `{"type":"integer","minimum":1.2,"maximum":1.8}`, "allows no integer between its bounds"},
		{"NoIntegerBelowZero", `{"type":"integer","minimum":-0.9,"exclusiveMaximum":0}`, "allows no integer between its bounds"},
		{"BelowTheFormat", `{"type":"integer","format":"uint8","maximum":-1}`, "allows no integer between its bounds"},
		{"AboveTheFormat", `{"properties":{"a":{"type":"integer","format":"int32","minimum":3e9}}}`, "/properties/a allows no integer between its bounds"},
		{"AboveInt64", `{"type":"integer","format":"int64","exclusiveMinimum":9223372036854775807}`, "allows no integer between its bounds"},
		{"BoundsByReference", `{"exclusiveMaximum":5,"$ref":"#/$defs/l","$defs":{"l":{"minimum":5.0}}}`, "has a minimum that excludes its exclusiveMaximum"},
		{"BoundsNamedOnce", `{"properties":{"a":{"$ref":"#/$defs/l"},"b":{"allOf":[{"$ref":"#/$defs/l"}]}},"$defs":{"l":{"minimum":5.0,"allOf":[{"maximum":3}]}}}`, "/$defs/l has a minimum that excludes its maximum"},
		{"TypesNamedOnce", `{"properties":{"a":{"$ref":"#/$defs/l"},"b":{"allOf":[{"$ref":"#/$defs/l"}]}},"$defs":{"l":{"type":"null","allOf":[{"type":"string"}]}}}`, "/$defs/l allows no type"},
		{"LengthsInAllOf", `{"allOf":[{"minLength":5},{"maxLength":3}]}`, "has a minLength that excludes its maxLength"},
		{"RequiredInAllOf", `{"properties":{"a":true,"b":true},"allOf":[{"required":["a","b"]},{"maxProperties":1}]}`, "that excludes its maxProperties"},
		{"RequiredAndForbidden", `{"required":["a"],"properties":{"a":false}}`, `/required names "a", which the schema forbids`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := mistakes(t, test.schema); len(got) != 1 || !strings.Contains(got[0], test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	for _, text := range []string{`{"type":["string","null"],"enum":["a",null]}`, `{"type":"string","enum":["a",1]}`, `{"type":"number","allOf":[{"type":"integer"}]}`,
		`{"type":"integer","exclusiveMinimum":1,"exclusiveMaximum":3}`, `{"type":"integer","minimum":-1.8,"maximum":-1}`, `{"type":"integer","format":"uint8","minimum":255}`,
		`{"type":"integer","format":"int64","maximum":1e19}`, `{"type":"integer","minimum":-1e300,"maximum":1e300}`, `{"type":"number","minimum":1.2,"maximum":1.8}`,
		`{"minimum":1,"maximum":1}`, `{"minimum":1,"allOf":[{"maximum":1}]}`, `{"required":["ab"],"patternProperties":{"^a":true},"additionalProperties":false}`, `{"type":"integer","const":1.0}`, `{"not":{"enum":["a"]}}`} {
		compile(t, text, schema.Options{})
	}
}

// A default that nothing will ever fill in is an error, and one below allOf of
// a property is filled in.
func TestCaseValidate6Defaults(t *testing.T) {
	s := compile(t, `{"type":"object","properties":{"sort":{"allOf":[{"$ref":"#/$defs/S"},{"default":"-createdAt"}]},
		"deep":{"allOf":[{"allOf":[{"$ref":"#/$defs/D"}]}]},
		"o":{"$ref":"#/$defs/O","properties":{"x":{"default":1}}}},
		"$defs":{"S":{"type":"string"},"D":{"type":"integer","default":7},"O":{"type":"object","default":{},"properties":{"y":{"default":2}}}}}`, schema.Options{})
	o := check(t, s, `{}`)
	o.passed(t)
	sameList(t, []any{o.Value}, []any{valueOf(t, `{"sort":"-createdAt","deep":7,"o":{"x":1,"y":2}}`)})
	for _, test := range []struct{ name, schema, want string }{
		{"AnyOf", `{"anyOf":[{"properties":{"a":{"default":1}}},true]}`, "/anyOf/0/properties/a/default can never be filled in"},
		{"OneOfOfAProperty", `{"properties":{"a":{"oneOf":[{"type":"string","default":"x"},{"type":"null"}]}}}`, "/properties/a/oneOf/0/default can never"},
		{"If", `{"if":{"required":["a"]},"then":{"properties":{"b":{"default":1}}}}`, "/then/properties/b/default can never"},
		{"Not", `{"not":{"properties":{"b":{"default":1}},"required":["b"]}}`, "/not/properties/b/default can never"},
		{"DependentSchemas", `{"dependentSchemas":{"a":{"properties":{"b":{"default":1}}}}}`, "/dependentSchemas/a/properties/b/default can never"},
		{"AdditionalProperties", `{"additionalProperties":{"type":"string","default":"x"}}`, "/additionalProperties/default can never"},
		{"PatternProperties", `{"patternProperties":{"^a":{"default":"x"}}}`, "/patternProperties/^a/default can never"},
		{"Items", `{"items":{"type":"string","default":"x"}}`, "/items/default can never"},
		{"Root", `{"type":"object","default":{}}`, "at /default can never"},
		{"RefusedByTheSibling", `{"properties":{"a":{"maximum":20,"allOf":[{"default":50}]}}}`, "is refused by the schema of the property at /properties/a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := mistakes(t, test.schema); len(got) != 1 || !strings.Contains(got[0], test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if _, err := tryCompile(test.schema, schema.Options{DescriptiveDefaults: true}); (err != nil) != strings.Contains(test.want, "refused") {
				t.Errorf("as a description: %v", err)
			}
		})
	}
	t.Run("ElsewhereItCan", func(t *testing.T) {
		compile(t, `{"properties":{"a":{"$ref":"#/$defs/a"}},"anyOf":[{"properties":{"a":{"$ref":"#/$defs/a"}}}],"$defs":{"a":{"default":1}}}`, schema.Options{})
	})
}

// The format uri takes every scheme without script or data, or those that are
// listed.
func TestCaseValidate21Schemes(t *testing.T) {
	web := compile(t, `{"type":"string","format":"uri"}`, schema.Options{})
	https := compile(t, `{"type":"string","format":"uri"}`, schema.Options{URISchemes: []string{"https"}})
	own := compile(t, `{"type":"string","format":"uri"}`, schema.Options{Formats: map[string]func(string) bool{"uri": func(s string) bool { return s == "mine" }}})
	check(t, own, `"mine"`).passed(t)
	check(t, own, `"https://example.com"`).refused(t, " format")
	for _, good := range []string{"git://example.org/a.git", "ssh://git@example.org/a.git", "tag:example.org,2020:a", "redis://:secret@example.org:6379/0", "urn:isbn:0451450523",
		"ldap://[2001:db8::7]/c=GB?objectClass?one", "s3://bucket/key", "market://details?id=a", "news:comp.infosystems", "sip:a@example.org", "unix:/var/run/x"} {
		check(t, web, `"`+good+`"`).passed(t)
		check(t, https, `"`+good+`"`).refused(t, " format")
	}
	check(t, https, `"HTTPS://example.com/a"`).passed(t)
	check(t, https, `"http://example.com/a"`).refused(t, " format")
	for _, bad := range []string{"javascript:alert(1)", "JAVASCRIPT:alert(1)", "data:text/html,x", "vbscript:x", "blob:https://example.com/1", "file:///etc/passwd", "view-source:https://example.com",
		"filesystem:https://example.com/a", "https://user@example.com", "ws://a:b@example.com", "git:", "ssh://", "1a:b", "redis://a b/"} {
		check(t, web, `"`+bad+`"`).refused(t, " format")
	}
}

// uri follows the grammar of RFC 3986, appendix A; date-time the calendar of
// leap seconds.
func TestCaseValidate14Formats(t *testing.T) {
	for format, bad := range map[string][]string{
		"uri": {"http://a.b/[x]", "http://a.b/?q=[x]", "http://a.b/#[x]", "http://a.b/#a#b", "http://a.b/a|b", "http://a.b/a^b", "http://[::1]/[x]", "http://a[b]/", "urn:[x]"},
		"date-time": {"2016-05-14T23:59:60Z", "2016-11-30T23:59:60Z", "2016-12-30T23:59:60Z", "2017-01-01T23:59:60Z", "2016-12-31T23:59:60+01:00",
			"9999-12-31T23:59:60Z"},
		"time": {"23:58:60Z", "23:59:60+01:00", "23:59:61Z"},
	} {
		for _, s := range bad {
			if schema.IsFormat(format, s) {
				t.Errorf("%s takes %q", format, s)
			}
		}
	}
	for format, good := range map[string][]string{
		"uri":       {"http://[::1]/a?b=c/d?e#f/g?h", "http://[::1]:80", "http://a.b/a;b=c,d!$&'()*+@:", "http://[2001:db8::1]?a#b"},
		"date-time": {"2016-12-31T23:59:60Z", "2015-06-30T23:59:60Z", "2015-06-30T16:59:60-07:00", "2015-07-01T00:59:60+01:00"},
		"time":      {"23:59:60Z", "00:59:60+01:00", "15:59:60-08:00"},
	} {
		for _, s := range good {
			if !schema.IsFormat(format, s) {
				t.Errorf("%s refuses %q", format, s)
			}
		}
	}
}
