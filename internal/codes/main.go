// Command codes prints docs/codes.md: every problem code, every reason and
// every event of the module, with its status, its level and what to do.
//
// The words stand in the tables of this package. The level of each refusal is
// the level that bulwark.Deny gives it. The test finds every code and every
// reason in the source of the module and compares it with the tables, so that
// neither can change without the page.
//
//	go generate ./internal/codes
package main

import (
	"fmt"
	"os"
)

//go:generate sh -c "go run . > ../../docs/codes.md"

func main() {
	if _, err := os.Stdout.WriteString(page()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
