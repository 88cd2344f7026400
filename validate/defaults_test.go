package validate_test

import (
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/validate"
)

// Published documents have defaults that nothing can fill in. New names them,
// and reads them as descriptions where the Config says so.
func TestDescriptiveDefaults(t *testing.T) {
	c := validate.Config{Body: validate.SchemaJSON(`{"type":"object","properties":{"a":{"anyOf":[{"type":"string","default":"x"},{"type":"null"}]}}}`)}
	if _, err := validate.New(c); err == nil || !strings.Contains(err.Error(), "/properties/a/anyOf/0/default") || !strings.Contains(err.Error(), "DescriptiveDefaults") {
		t.Errorf("error %v", err)
	}
	c.DescriptiveDefaults = true
	if _, err := validate.New(c); err != nil {
		t.Error(err)
	}
}
