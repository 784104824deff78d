// Package gendocs writes what the documentation takes from the code: the comments
// of components, which eipd explain shows, and the parts of pages between
// markers. Tests of cmd/eipd call it, to compare, and with -update to write; so
// what is compared and what is written cannot differ.
package gendocs
