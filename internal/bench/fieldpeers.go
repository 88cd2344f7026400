package bench

import (
	"bytes"
	"encoding/json"
	"io"
)

// What people do today to leave a field out: decode what json.Marshal has
// written, and write it again without the field.

// overMap leaves the field review out by way of maps.
func overMap(w io.Writer, items []*note) error {
	text, err := json.Marshal(items)
	if err != nil {
		return err
	}
	var objects []map[string]any
	if err := json.Unmarshal(text, &objects); err != nil {
		return err
	}
	for _, object := range objects {
		delete(object, "review")
	}
	text, err = json.Marshal(map[string]any{"items": objects})
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// overTokens leaves the field review out by way of json.Decoder.Token. It knows
// objects of strings in one array, which is what it is given.
func overTokens(w io.Writer, items []*note) error {
	text, err := json.Marshal(items)
	if err != nil {
		return err
	}
	in := json.NewDecoder(bytes.NewReader(text))
	var out bytes.Buffer
	out.WriteString(`{"items":`)
	name, isName, first, skip := "", false, true, false
	for {
		token, err := in.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case json.Delim:
			if token == '{' && out.Bytes()[out.Len()-1] == '}' {
				out.WriteByte(',')
			}
			out.WriteString(token.String())
			isName, first = token == '{', true
		case string:
			if isName {
				name, skip, isName = token, token == "review", false
				continue
			}
			isName = true
			if skip {
				continue
			}
			if !first {
				out.WriteByte(',')
			}
			first = false
			for i, part := range [2]string{name, token} {
				quoted, err := json.Marshal(part)
				if err != nil {
					return err
				}
				if i == 1 {
					out.WriteByte(':')
				}
				out.Write(quoted)
			}
		}
	}
	out.WriteByte('}')
	_, err = w.Write(out.Bytes())
	return err
}
