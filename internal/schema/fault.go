package schema

import (
	"encoding/json"
	"fmt"
	"strings"
)

// A Fault is one rule broken in one place. It holds nothing of the value. Its
// pointer holds names, which may be submitted names.
type Fault struct {
	Pointer string // of the value that broke it (RFC 6901)
	Code    Code
	Params  map[string]any // of the rule, nil if it has none
	// Declared is set if the schema has every name on the way to the value. The
	// pointer then holds nothing that was submitted.
	Declared bool

	// depth is the depth of the value. The pointer may have fewer segments.
	depth int
	// name is a property of the value at hand, where named: the fault is there.
	name  string
	named bool
	// union is one more than the depth of the outermost value below which a
	// choice between branches has been made; 0 means no choice.
	union int
}

const (
	// maxFaults bounds how many faults are gathered before they are sorted. The
	// order of gathering is fixed as well.
	maxFaults = 1_000
	// MaxPointer bounds what an answer repeats of submitted names, in bytes.
	// Beyond it the pointer ends at the parent.
	MaxPointer = 256
)

// note gathers a fault at the value at hand, or at its property, and returns
// false.
func (e *evaluation) note(report bool, f Fault) bool {
	if !report || len(e.faults) >= maxFaults {
		return false
	}
	f.Pointer, f.depth, f.Declared = e.pointer(&f), len(e.path), e.declaredWay(&f)
	if f.named {
		f.depth++
	}
	f.name = "" // it would keep the whole document in memory
	e.faults = append(e.faults, f)
	return false
}

// declaredWay reports whether the schema has the names of all properties on the
// way to the value at hand, or to its property.
func (e *evaluation) declaredWay(f *Fault) bool {
	for i := range e.path {
		if e.path[i].index < 0 && !e.declared[e.path[i].name] {
			return false
		}
	}
	return !f.named || e.declared[f.name]
}

// limit notes a fault against a bound.
func (e *evaluation) limit(report bool, c Code, limit any) bool {
	if !report || len(e.faults) >= maxFaults {
		return false
	}
	return e.note(true, Fault{Code: c, Params: map[string]any{"limit": limit}})
}

// fault notes that n's own keyword was broken.
func (e *evaluation) fault(report bool, c Code, n *node) bool {
	if !report || len(e.faults) >= maxFaults {
		return false
	}
	f := Fault{Code: c}
	switch c {
	case codeType:
		f.Params = map[string]any{"expected": n.types.names()}
	case codeFormat:
		f.Params = map[string]any{"format": n.format}
	case codePattern:
		f.Params = map[string]any{"pattern": n.text.pattern.String()}
	case codeEnum:
		if allowed := scalars(n.enum); allowed != nil {
			f.Params = map[string]any{"allowed": allowed}
		}
	case codeConst:
		if allowed := scalars(n.constant); allowed != nil {
			f.Params = map[string]any{"allowed": allowed}
		}
	}
	return e.note(true, f)
}

// scalars returns the values that the schema lists, if they are short enough
// for an answer.
func scalars(values []any) []any {
	const most = 32
	if len(values) > most {
		return nil
	}
	for _, v := range values {
		switch v.(type) {
		case map[string]any, []any:
			return nil
		}
	}
	return values
}

// Detail returns the sentence for the code, with its one parameter filled in.
func (f *Fault) Detail() string {
	text := detail[f.Code]
	if declared, ok := f.Params["declared"]; ok {
		return fmt.Sprintf("Must be spelled %v, in the same case.", declared)
	}
	if !strings.Contains(text, "%v") {
		return text
	}
	for _, key := range [...]string{"limit", "expected", "format", "with"} {
		switch value := f.Params[key].(type) {
		case nil:
		case []string:
			return fmt.Sprintf(text, strings.Join(value, " or "))
		case json.Number:
			return fmt.Sprintf(text, value.String())
		default:
			return fmt.Sprintf(text, value)
		}
	}
	return text
}
