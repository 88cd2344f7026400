package jsondoc

import (
	"maps"
	"slices"
	"strings"
)

// Patch replaces strings by their numbers. It returns the source with the
// tokens of those strings written anew and every other byte kept, and the
// document that this source decodes to; the strings in it have the same
// numbers. d stays as it is.
//
// A replacement that equals the string leaves its token alone; if all do, the
// results are the source of d and d itself. A number that no string has is
// ignored, and invalid UTF-8 in a replacement becomes U+FFFD. The result is not
// held against any Limits. What was not replaced still shares the first source.
//
// The two documents share the arrays and objects that hold no replaced string
// at any depth. To modify one Value and keep the other, call [Clone] first. A
// Value that was modified before is patched if the place of the string still
// exists.
func (d *Document) Patch(repl map[int]string) ([]byte, *Document) {
	changed := make([]int, 0, len(repl))
	size := len(d.src)
	for i, s := range repl {
		if i >= 0 && i < len(d.strings) && s != d.strings[i].value {
			changed = append(changed, i)
			size += len(s)
		}
	}
	if len(changed) == 0 {
		return d.src, d
	}
	slices.Sort(changed)

	values := patcher{document: d, root: d.Value, copies: make(map[int32]any)}
	tokens := slices.Clone(d.strings)
	src := make([]byte, 0, size)
	kept, shift := 0, 0
	for i := changed[0]; i < len(tokens); i++ {
		t := &tokens[i]
		if len(changed) == 0 || changed[0] != i {
			t.start += shift
			t.end += shift
			continue
		}
		changed = changed[1:]
		src = append(src, d.src[kept:t.start]...)
		kept = t.end
		t.value = strings.ToValidUTF8(repl[i], "\uFFFD")
		t.start = len(src)
		src = appendString(src, t.value)
		t.end = len(src)
		shift = t.end - kept
		values.put(t.place, t.value)
	}
	src = append(src, d.src[kept:]...)
	return src, &Document{Value: values.root, src: src, strings: tokens, nodes: d.nodes, names: d.names}
}

// patcher replaces values in a tree and copies each array and object on their
// way once.
type patcher struct {
	document *Document
	root     any
	copies   map[int32]any // by number of the node; nil after a change of shape
}

func (p *patcher) put(at place, v any) {
	if at.parent == noNode {
		p.root = v
		return
	}
	switch parent := p.own(at.parent).(type) {
	case map[string]any:
		if name, ok := p.nameIn(parent, at); ok {
			parent[name] = v
		}
	case []any:
		if at.step >= 0 && int(at.step) < len(parent) {
			parent[at.step] = v
		}
	}
}

func (p *patcher) get(at place) any {
	if at.parent == noNode {
		return p.root
	}
	switch parent := p.own(at.parent).(type) {
	case map[string]any:
		if name, ok := p.nameIn(parent, at); ok {
			return parent[name]
		}
	case []any:
		if at.step >= 0 && int(at.step) < len(parent) {
			return parent[at.step]
		}
	}
	return nil
}

func (p *patcher) nameIn(object map[string]any, at place) (name string, ok bool) {
	if at.step >= 0 {
		return "", false
	}
	name = p.document.names[^at.step]
	_, ok = object[name]
	return name, ok
}

// own returns the copy of a node, which it makes and puts in place if there is
// none.
func (p *patcher) own(node int32) any {
	if c, ok := p.copies[node]; ok {
		return c
	}
	at := p.document.nodes[node]
	var c any
	switch original := p.get(at).(type) {
	case map[string]any:
		c = maps.Clone(original)
	case []any:
		c = slices.Clone(original)
	}
	p.copies[node] = c
	if c != nil {
		p.put(at, c)
	}
	return c
}
