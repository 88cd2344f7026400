// Package recipes runs the code of docs/recipes.md and of the pages beside it.
//
// Each recipe has one file, named after the recipe. Its functions are written
// as the user of a service would write them, and the test below them sends the
// requests that the page speaks of. page_test.go finds every block of the
// pages in these files, so that a page never shows code that nothing runs.
//
// Some tests start nginx on the loopback interface, in a folder of their own.
// They are skipped if nginx is missing. If BULWARK_NGINX is "required", they
// fail:
//
//	apt-get install nginx-light
package recipes
