package schema_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/internal/schema"
)

// union is a tree of operators, "and", "or" and "not" with children and a leaf.
// open, shut and leaf build its documents.
type union struct {
	name             string
	schema           string
	open, shut       string
	leaf, wrong      string // a good leaf and one that breaks one rule
	pointer, segment string // of the fault in the wrong leaf, and of each level
	code             string
}

// branches writes four branches that differ in the operator.
func branches(write func(op string) string, leaf string) string {
	return write("and") + "," + write("or") + "," + write("not") + "," + leaf
}

func unions() []union {
	children := `{"type":"array","items":{"$ref":"#/$defs/f"}}`
	object := func(tag, list string) func(string) string {
		return func(op string) string {
			return `{"type":"object","required":["` + tag + `","` + list + `"],"properties":{"` + tag + `":{"const":"` + op + `"},"` + list + `":` + children + `}}`
		}
	}
	leafOf := func(tag string) string {
		return `{"type":"object","required":["` + tag + `","field"],"properties":{"` + tag + `":{"const":"eq"},"field":{"type":"string"}}}`
	}
	top := func(combined string) string { return `{"$ref":"#/$defs/f","$defs":{"f":` + combined + `}}` }
	list := func(tag, list string) union {
		return union{open: `{"` + tag + `":"and","` + list + `":[`, shut: `]}`, segment: "/" + list + "/0",
			leaf: `{"` + tag + `":"eq","field":"a"}`, wrong: `{"` + tag + `":"eq","field":7}`, pointer: "/field", code: "type"}
	}
	with := func(u union, name, schema string) union {
		u.name, u.schema = name, schema
		return u
	}
	ops := list("op", "args")
	var all []union
	for _, keyword := range []string{"oneOf", "anyOf"} {
		all = append(all,
			with(ops, keyword+"TagLast", top(`{"`+keyword+`":[`+branches(object("op", "args"), leafOf("op"))+`]}`)),
			with(list("kind", "members"), keyword+"TagFirst", top(`{"`+keyword+`":[`+branches(object("kind", "members"), leafOf("kind"))+`]}`)),
			with(ops, keyword+"InAllOf", top(`{"type":"object","allOf":[{"`+keyword+`":[`+branches(object("op", "args"), leafOf("op"))+`]}]}`)),
			with(ops, keyword+"Enum", top(`{"`+keyword+`":[`+branches(func(op string) string {
				return strings.Replace(object("op", "args")(op), `{"const":"`+op+`"}`, `{"enum":["`+op+`","`+op+`!"]}`, 1)
			}, leafOf("op"))+`]}`)),
			with(ops, keyword+"AllOfInTheBranch", top(`{"`+keyword+`":[`+branches(func(op string) string {
				return `{"allOf":[{"type":"object","required":["args"],"properties":{"args":` + children + `}},{"required":["op"],"properties":{"op":{"const":"` + op + `"}}}]}`
			}, leafOf("op"))+`]}`)),
		)
	}
	nestedTag := union{open: `{"args":[`, shut: `],"meta":{"kind":"and"}}`, segment: "/args/0",
		leaf: `{"field":"a","meta":{"kind":"eq"}}`, wrong: `{"field":7,"meta":{"kind":"eq"}}`, pointer: "/field", code: "type"}
	tagged := func(op, property, value string) string {
		return `{"type":"object","required":["meta","` + property + `"],"properties":{"meta":{"type":"object","required":["kind"],"properties":{"kind":{"const":"` + op + `"}}},
			"` + property + `":` + value + `}}`
	}
	named := union{open: `{"and":[`, shut: `]}`, segment: "/and/0", leaf: `{"field":"a"}`, wrong: `{"field":7}`, pointer: "/field", code: "type"}
	typed := union{open: `{"is":true,"of":[`, shut: `]}`, segment: "/of/0", leaf: `{"is":"leaf","of":"a"}`, wrong: `{"is":"leaf","of":"aaaa"}`, pointer: "/of", code: "max_length"}
	typedBranch := func(is string) string {
		return `{"type":"object","required":["is","of"],"properties":{"is":{"type":"` + is + `"},"of":` + children + `}}`
	}
	chain := func(op string) string {
		return `{"if":{"required":["op"],"properties":{"op":{"const":"` + op + `"}}},"then":{"required":["args"],"properties":{"args":` + children + `}}}`
	}
	ifDeep := func(op string) string {
		return `{"if":{"required":["args","op"],"properties":{"args":` + children + `,"op":{"const":"` + op + `"}}},"then":{"properties":{"args":` + children + `}}}`
	}
	elseChain := `{"properties":{"field":{"type":"string"},"op":{"const":"eq"}},"required":["field"]}`
	for _, op := range []string{"and", "or", "not"} {
		elseChain = `{"if":{"required":["op"],"properties":{"op":{"const":"` + op + `"}}},"then":{"properties":{"op":true,"args":` + children + `}},"else":` + elseChain + `}`
	}
	all = append(all,
		with(nestedTag, "NestedTag", top(`{"oneOf":[`+branches(func(op string) string { return tagged(op, "args", children) }, tagged("eq", "field", `{"type":"string"}`))+`]}`)),
		with(named, "Required", top(`{"oneOf":[`+branches(func(op string) string {
			return `{"type":"object","required":["` + op + `"],"properties":{"` + op + `":` + children + `}}`
		}, `{"type":"object","required":["field"],"properties":{"field":{"type":"string"}}}`)+`]}`)),
		with(typed, "TypeOfAProperty", top(`{"oneOf":[`+typedBranch("boolean")+`,`+typedBranch("number")+`,`+typedBranch("null")+`,
			{"type":"object","required":["is","of"],"properties":{"is":{"type":"string"},"of":{"type":"string","maxLength":3}}}]}`)),
		with(ops, "RefBranches", `{"$ref":"#/$defs/f","$defs":{"f":{"oneOf":[{"$ref":"#/$defs/and"},{"$ref":"#/$defs/or"},{"$ref":"#/$defs/not"},{"$ref":"#/$defs/eq"}]},
			"and":`+object("op", "args")("and")+`,"or":`+object("op", "args")("or")+`,"not":`+object("op", "args")("not")+`,"eq":`+leafOf("op")+`}}`),
		with(ops, "IfThenChain", top(`{"type":"object","required":["op"],"properties":{"op":{"enum":["and","or","not","eq"]}},"allOf":[`+branches(chain,
			`{"if":{"properties":{"op":{"const":"eq"}}},"then":{"required":["field"],"properties":{"field":{"type":"string"}}}}`)+`]}`)),
		with(ops, "IfThatRecurses", top(`{"type":"object","required":["op"],"properties":{"op":{"enum":["and","or","not","eq"]},"field":{"type":"string"},"args":`+children+`},"allOf":[`+branches(ifDeep, `true`)+`]}`)),
		with(ops, "IfElseChain", top(elseChain)),
		with(ops, "Not", top(`{"type":"object","required":["op"],"properties":{"op":{"enum":["and","eq"]},"args":`+children+`,"field":{"type":"string"}},
			"not":{"required":["args","op"],"properties":{"args":`+children+`,"op":{"const":"eq"}}},
			"allOf":[{"not":{"required":["args","op"],"properties":{"args":`+children+`,"op":{"const":"or"}}}}]}`)),
		with(named, "DependentSchemas", top(`{"type":"object","properties":{"field":{"type":"string"}},"dependentSchemas":{
			"and":{"properties":{"and":`+children+`}},"or":{"properties":{"or":`+children+`}}},
			"allOf":[{"dependentSchemas":{"and":{"properties":{"and":`+children+`}}}},{"dependentSchemas":{"and":{"properties":{"and":`+children+`}}}}]}`)),
		with(ops, "DynamicRef", strings.ReplaceAll(`{"$id":"https://example.com/tree","$dynamicAnchor":"f","oneOf":[`+branches(object("op", "args"), leafOf("op"))+`]}`, `"$ref":"#/$defs/f"`, `"$dynamicRef":"#f"`)),
		with(union{open: `{"op":"and","left":`, shut: `,"right":{"op":"eq","field":"b"}}`, segment: "/left", leaf: `{"op":"eq","field":"a"}`, wrong: `{"op":"eq","field":7}`, pointer: "/field", code: "type"},
			"Binary", top(`{"oneOf":[`+branches(func(op string) string {
				return `{"type":"object","required":["op","left","right"],"properties":{"left":{"$ref":"#/$defs/f"},"op":{"const":"` + op + `"},"right":{"$ref":"#/$defs/f"}}}`
			}, leafOf("op"))+`]}`)),
		with(ops, "UnionOfUnions", top(`{"oneOf":[{"anyOf":[`+object("op", "args")("and")+`,`+object("op", "args")("or")+`]},{"anyOf":[`+object("op", "args")("not")+`,`+leafOf("op")+`]}]}`)),
		with(ops, "Closed", top(`{"oneOf":[`+branches(func(op string) string {
			return strings.Replace(object("op", "args")(op), `"type":"object"`, `"type":"object","unevaluatedProperties":false`, 1)
		}, leafOf("op"))+`]}`)),
		with(union{open: `[`, shut: `]`, segment: "/0", leaf: `"a"`, wrong: `"aaaa"`, pointer: "", code: "max_length"},
			"ArraysThatAreAllMeant", top(`{"anyOf":[{"type":"array","items":{"$ref":"#/$defs/f"},"minItems":1},{"type":"array","items":{"$ref":"#/$defs/f"},"maxItems":1},
				{"type":"string","maxLength":3}]}`)),
		with(ops, "Contains", top(`{"oneOf":[`+branches(func(op string) string {
			return `{"type":"object","required":["args","op"],"properties":{"args":{"type":"array","items":{"$ref":"#/$defs/f"},"contains":{"$ref":"#/$defs/f"},"minContains":0},"op":{"const":"` + op + `"}}}`
		}, leafOf("op"))+`]}`)),
	)
	// Not recursive: each level has a schema of its own.
	var levels strings.Builder
	for i := range 32 {
		fmt.Fprintf(&levels, `"l%d":{"oneOf":[`, i)
		for _, op := range []string{"and", "or", "not"} {
			fmt.Fprintf(&levels, `{"type":"object","required":["op","args"],"properties":{"op":{"const":"%s"},"args":{"type":"array","items":{"$ref":"#/$defs/l%d"}}}},`, op, i+1)
		}
		levels.WriteString(leafOf("op") + `]},`)
	}
	all = append(all, with(ops, "ASchemaForEachLevel", `{"$ref":"#/$defs/l0","$defs":{`+levels.String()+`"l32":`+leafOf("op")+`}}`))
	return all
}

// However a union says which of its branches is meant, and whichever keyword
// combines them, the work for a valid document and for a document with a fault
// grows with its depth and not with a power of it.
func TestCaseValidate1Unions(t *testing.T) {
	for _, u := range unions() {
		t.Run(u.name, func(t *testing.T) {
			for _, leaf := range []struct {
				text  string
				valid bool
			}{{u.leaf, true}, {u.wrong, false}} {
				steps := func(depth int) int {
					n, valid := schema.Steps(u.schema, nested(u.open, leaf.text, u.shut, depth))
					if valid != leaf.valid {
						t.Fatalf("depth %d: valid is %t", depth, valid)
					}
					return n
				}
				// The first levels are for the memory to begin.
				eight, sixteen, thirty := steps(8), steps(16), steps(31)
				if sixteen > 2*eight+1_500 || thirty > 2*sixteen+1_500 || thirty > 12_000 {
					t.Errorf("valid %t: 8 levels take %d steps, 16 take %d, 31 take %d", leaf.valid, eight, sixteen, thirty)
				}
			}
			s := compile(t, u.schema, schema.Options{})
			for _, depth := range []int{1, 8, 31} {
				check(t, s, nested(u.open, u.leaf, u.shut, depth)).passed(t)
				pointer := strings.Repeat(u.segment, depth) + u.pointer
				for len(pointer) > schema.MaxPointer {
					pointer = pointer[:strings.LastIndexByte(pointer, '/')]
				}
				check(t, s, nested(u.open, u.wrong, u.shut, depth)).refused(t, pointer+" "+u.code)
			}
		})
	}
}

// Wide documents cost their size times the branches.
func TestCaseValidate1WideUnions(t *testing.T) {
	for _, u := range unions() {
		if u.name == "Binary" || !strings.HasSuffix(u.open, "[") {
			continue
		}
		t.Run(u.name, func(t *testing.T) {
			for _, leaf := range []string{u.leaf, u.wrong} {
				steps := func(width int) int {
					list := strings.Repeat(leaf+",", width) + leaf
					for range 3 {
						list = u.open + list + u.shut
					}
					n, _ := schema.Steps(u.schema, list)
					return n
				}
				if few, many := steps(30), steps(300); many > 10*few+1_500 || many > 40_000 {
					t.Errorf("30 leaves take %d steps, 300 take %d", few, many)
				}
			}
		})
	}
}

// The faults are those of the branch that was meant, also where the fault
// stands below other unions.
func TestCaseValidate1BranchThatIsReported(t *testing.T) {
	ops := unions()[0]
	tests := []struct {
		name, schema, document string
		want                   []string
	}{
		{"WrongOperatorsBelow", ops.schema, `{"op":"and","args":[{"op":"xx","field":"a"},{"op":"yy","field":"a"},{"op":"eq","field":"a"}]}`,
			[]string{"/args/0/op enum", "/args/1/op enum"}},
		{"SeveralFaultsBelow", ops.schema, `{"op":"or","args":[{"op":"eq","field":1},{"op":"not","args":[{"op":"eq"}]},3]}`,
			[]string{"/args/0/field type", "/args/1/args/0/field required", "/args/2 one_of"}},
		{"ByWhatIsDeclared", `{"oneOf":[{"required":["place"],"properties":{"place":{"type":"string"}}},
			{"required":["lat","lng"],"properties":{"lat":{"type":"number"},"lng":{"type":"number"}}}]}`, `{"lat":"x","lng":2}`, []string{"/lat type"}},
		{"ByTheTypeOfAProperty", `{"oneOf":[{"required":["v"],"properties":{"v":{"type":"string"}}},
			{"required":["v"],"properties":{"v":{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}}}}}]}`, `{"v":{"a":1,"b":2}}`, []string{"/v/a type", "/v/b type"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			check(t, compile(t, test.schema, schema.Options{}), test.document).refused(t, test.want...)
		})
	}
}
