package auth

import "fmt"

// Claims reads the verified claims of a token by their names. The function Map
// in the Config of package jwt or introspection gets it.
//
// A claim is written as its name, as a path of names with dots between them, or
// as a JSON Pointer: see RolesClaims of these Configs. The value is a string, a
// bool, a [encoding/json.Number], a []any or a map[string]any. For a claim that
// is missing or null, ok is false.
//
// Claims is valid during the call of Map only. It is not safe for concurrent
// use. A value that it returns belongs to the caller.
type Claims func(name string) (value any, ok bool)

// Text returns the text of a claim. For a claim that is missing or null it
// returns "". If the claim is not a string, the error is one of [Invalid] with
// the reason "claim".
func (c Claims) Text(name string) (string, error) {
	value, ok := c(name)
	if !ok {
		return "", nil
	}
	text, isText := value.(string)
	if !isText {
		return "", Invalid("claim", fmt.Errorf("the claim %q, which Map reads as a string, is of another type", name))
	}
	return text, nil
}

// Texts returns the texts of a claim: a list of strings, or one string. For a
// claim that is missing or null it returns nil. If the claim is anything else,
// the error is one of [Invalid] with the reason "claim".
func (c Claims) Texts(name string) ([]string, error) {
	value, ok := c(name)
	if !ok {
		return nil, nil
	}
	if text, isText := value.(string); isText {
		return []string{text}, nil
	}
	list, isList := value.([]any)
	texts := make([]string, 0, len(list))
	for _, item := range list {
		text, isText := item.(string)
		isList = isList && isText
		texts = append(texts, text)
	}
	if !isList {
		return nil, Invalid("claim", fmt.Errorf("the claim %q, which Map reads as a list of strings, is of another type", name))
	}
	return texts, nil
}
