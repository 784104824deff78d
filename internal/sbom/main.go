// Command sbom prints what a Go binary is made of, as a CycloneDX document in JSON.
package main

import (
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
)

type component struct {
	Type    string `json:"type"`
	Name    string `json:"name"`
	Version string `json:"version"`
	PURL    string `json:"purl"`
	Ref     string `json:"bom-ref"`
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: sbom BINARY VERSION")
		os.Exit(2)
	}
	info, err := buildinfo.ReadFile(os.Args[1])
	if err == nil {
		info.Main.Version = os.Args[2]
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		err = e.Encode(document(info))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func document(info *buildinfo.BuildInfo) map[string]any {
	of := func(kind string, m *debug.Module) component {
		for m.Replace != nil {
			m = m.Replace
		}
		url := "pkg:golang/" + m.Path + "@" + m.Version
		return component{Type: kind, Name: m.Path, Version: m.Version, PURL: url, Ref: url}
	}
	components := []component{{Type: "library", Name: "stdlib", Version: strings.TrimPrefix(info.GoVersion, "go"),
		PURL: "pkg:golang/stdlib@" + strings.TrimPrefix(info.GoVersion, "go"), Ref: "stdlib"}}
	for _, m := range info.Deps {
		components = append(components, of("library", m))
	}
	return map[string]any{
		"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
		"metadata":   map[string]any{"component": of("application", &info.Main)},
		"components": components,
	}
}
