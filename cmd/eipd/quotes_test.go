package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// What pages quote of the log is what the code logs.
func TestPages_LogLines(t *testing.T) {
	var code, pages []byte
	for ext, text := range map[string]*[]byte{".go": &code, ".md": &pages} {
		err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(file) != ext || strings.HasSuffix(file, "_test.go") {
				return err
			}
			more, err := os.ReadFile(file)
			*text = append(*text, more...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range regexp.MustCompile(`msg=("[^"]+"|\w+)`).FindAllStringSubmatch(string(pages), -1) {
		if !bytes.Contains(code, []byte(strconv.Quote(strings.Trim(m[1], `"`)))) {
			t.Errorf("a page quotes the log: %s; nothing logs that", m[0])
		}
	}
}

// A link to a file of the project leads there, and to its section where it names one.
func TestPages_Links(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	err := filepath.WalkDir(root, func(page string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(page) != ".md" {
			return err
		}
		text, err := os.ReadFile(page)
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			to, section, _ := strings.Cut(m[1], "#")
			if strings.Contains(to, "://") {
				continue
			}
			file := page
			if to != "" {
				file = filepath.Join(filepath.Dir(page), to)
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s: no such page: %s", page, m[1])
			} else if section != "" && !slices.Contains(sections(t, file), section) {
				t.Errorf("%s: no such section: %s", page, m[1])
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// sections are the anchors of a page's headings.
func sections(t *testing.T, page string) (all []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(string(text), -1) {
		kept := regexp.MustCompile(`[^\pL\pN _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		all = append(all, strings.ReplaceAll(kept, " ", "-"))
	}
	return all
}
