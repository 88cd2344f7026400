package validate

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/bulwark-go/bulwark/internal/schema"
)

// coerce reads text as the declared type. Text that is not a value of this type
// is returned as it is, so that the schema refuses it.
func coerce(text string, types schema.Types) any {
	switch types {
	case schema.Integer, schema.Number:
		if isDecimal(text) {
			return json.Number(text)
		}
	case schema.Boolean:
		switch text {
		case "true":
			return true
		case "false":
			return false
		}
	}
	return text
}

// isDecimal takes plain decimal numbers of up to 64 characters: an optional
// minus, digits without leading zeros, an optional fraction. There is no "+",
// which is a space in a query, no exponent, no white space, no 0x.
func isDecimal(s string) bool {
	if len(s) > 64 {
		return false
	}
	s = strings.TrimPrefix(s, "-")
	whole, fraction, dotted := strings.Cut(s, ".")
	if !isDigits(whole) || len(whole) > 1 && whole[0] == '0' {
		return false
	}
	return !dotted || isDigits(fraction)
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// value returns the value of a parameter that occurs with these texts. It
// reports false where a scalar is repeated.
func (p *parameter) value(texts []string) (any, bool) {
	if p.types != schema.Array {
		return coerce(texts[0], p.types), len(texts) == 1
	}
	items := make([]any, 0, len(texts))
	for _, text := range texts {
		items = append(items, coerce(text, p.items))
	}
	return items, true
}

// sound reports whether text could be a JSON string in a body: UTF-8 without
// NUL.
func sound(text string) bool { return utf8.ValidString(text) && strings.IndexByte(text, 0) < 0 }

// text writes one scalar of a default as the text of a parameter.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		if v {
			return "true"
		}
		return "false"
	}
	return ""
}

// texts writes a default as the texts of a parameter. An empty list has no
// texts: one empty text would be a list of one item.
func (p *parameter) texts(v any) []string {
	items, ok := v.([]any)
	if !ok {
		return []string{text(v)}
	}
	all := make([]string, len(items))
	for i, item := range items {
		all[i] = text(item)
	}
	if p.commas && len(all) > 0 {
		return []string{strings.Join(all, ",")}
	}
	return all
}

// writes reports whether a default is read as the same value again after it is
// written into a query or header. A path is never written.
func (p *parameter) writes(v any, in string) bool {
	texts := p.texts(v)
	switch in {
	case inPath:
		return true
	case inHeader:
		line := headerLine(texts)
		if strings.Trim(line, " \t") != line || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return false // no field value (RFC 9110 section 5.5)
		}
		texts = []string{line}
		if p.types == schema.Array {
			texts = listed(texts)
		}
	case inQuery:
		if items, ok := v.([]any); ok && len(items) == 0 {
			return true
		}
		if p.commas {
			texts = strings.Split(texts[0], ",")
		}
	}
	again, once := p.value(texts)
	return once && schema.Equal(again, v)
}
