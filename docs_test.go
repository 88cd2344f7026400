package bulwark_test

import (
	"os"
	"strings"
	"testing"
)

// What people get wrong first is said where they look first.
func TestCaseRoot20WhatPeopleGetWrong(t *testing.T) {
	edge := ""
	for _, h := range houses(t) {
		for _, typ := range h.doc.Types {
			if h.name(typ.Name) == "bulwark.Edge" {
				edge = typ.Doc
			}
		}
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for place, text := range map[string]string{"the comment of Edge": edge, "README.md": string(readme)} {
		for _, said := range []string{"RealIP", "ProxyHeaders", "HealthPaths", `/health"`} {
			if !strings.Contains(text, said) {
				t.Errorf("%s does not say %s", place, said)
			}
		}
	}
	if !strings.Contains(string(readme), "stack.Wrap(router)") || strings.Contains(string(readme), `mux.Handle("GET /health"`) {
		t.Error("README.md does not say to wrap the router, or has the health check inside the stack")
	}
}
