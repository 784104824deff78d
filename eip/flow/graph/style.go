package graph

import "strings"

// markers are the heads of arrows.
const markers = `<marker id="eipd-to" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path class="tip" d="M0 .6 8 4 0 7.4z"/></marker>
<marker id="eipd-open" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto-start-reverse"><path class="open" d="M1 1 7.4 4 1 7"/></marker>
<marker id="eipd-fail" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path class="failed" d="M0 .6 8 4 0 7.4z"/></marker>
`

// rules are the style of a picture; the names in braces are colours of a theme.
const rules = `text{font:12px system-ui,-apple-system,"Segoe UI","Helvetica Neue",Arial,sans-serif;text-anchor:middle;fill:{text}}
.name{font-weight:600;text-anchor:start;fill:{name}}
.mid{text-anchor:middle}
.quiet{font-size:10px;fill:{quiet}}
.label{font-size:11px;fill:{quiet}}
.start{text-anchor:start}
.end{text-anchor:end;font-size:11px}
.flow rect{fill:{flow};stroke:{flowLine}}
.stage rect{fill:{stage};stroke:{stageLine}}
.channel .shape{fill:{channel};stroke:{channelLine}}
.adapter .shape{fill:{adapter};stroke:{adapterLine}}
.unknown .shape{fill:{flow};stroke:{line}}
.off rect,.implicit .shape{stroke-dasharray:4 3}
.off.stage rect{fill:{flow};stroke:{quiet}}
.i{fill:none;stroke:{stageLine};stroke-width:1.5;stroke-linecap:round;stroke-linejoin:round}
.channel .i{stroke:{channelLine}}
.adapter .i{stroke:{adapterLine}}
.i.round{stroke:{line};stroke-width:2.5}
.off .i{stroke:{quiet}}
.line,.edge{fill:none;stroke:{line};stroke-width:1.5}
.back{stroke:none}
.edge.copy,.line.copy{stroke-dasharray:1.5 3.5;stroke-linecap:round}
.edge.discard,.line.discard,.line.off{stroke:{quiet};stroke-dasharray:4 3}
.edge.dead_letter,.edge.invalid,.edge.expired,.line.dead_letter,.line.invalid{stroke:{danger};stroke-width:1;stroke-dasharray:5 3}
.tip{fill:{line}}
.open{fill:none;stroke:{line};stroke-width:1.5}
.failed{fill:{danger}}
`

var lightColours = map[string]string{
	"text": "#1f2933", "name": "#3b5b92", "quiet": "#5a6877", "flow": "#f4f7fc", "flowLine": "#c5d2e8", "stage": "#dbe7fb", "stageLine": "#3d68b5",
	"channel": "#fdf0d5", "channelLine": "#a86f0d", "adapter": "#dff3e4", "adapterLine": "#2f8450", "line": "#5b6b7d", "danger": "#c0362c",
}

var darkColours = map[string]string{
	"text": "#e3e9f1", "name": "#9db9ee", "quiet": "#9aa9ba", "flow": "#1a2230", "flowLine": "#34445f", "stage": "#24395f", "stageLine": "#7ba3ea",
	"channel": "#4a381a", "channelLine": "#d9a441", "adapter": "#1e4029", "adapterLine": "#66bd83", "line": "#a3b1c2", "danger": "#f0857c",
}

var printColours = map[string]string{
	"text": "#000", "name": "#000", "quiet": "#333", "flow": "#fff", "flowLine": "#000", "stage": "#fff", "stageLine": "#000",
	"channel": "#eee", "channelLine": "#000", "adapter": "#fff", "adapterLine": "#000", "line": "#000", "danger": "#000",
}

// painted are the rules with a theme's colours.
func painted(rules string, colours map[string]string) string {
	var pairs []string
	for name, colour := range colours {
		pairs = append(pairs, "{"+name+"}", colour)
	}
	return strings.NewReplacer(pairs...).Replace(rules)
}

// coloursOnly are the rules that a dark theme changes.
func coloursOnly(rules string) string {
	var out strings.Builder
	for l := range strings.Lines(rules) {
		selector, body, ok := strings.Cut(strings.TrimSpace(l), "{")
		if !ok {
			continue
		}
		var kept []string
		for d := range strings.SplitSeq(strings.TrimSuffix(body, "}"), ";") {
			if strings.Contains(d, "{") {
				kept = append(kept, d)
			}
		}
		if kept != nil {
			out.WriteString(selector + "{" + strings.Join(kept, ";") + "}\n")
		}
	}
	return out.String()
}

func style(theme string) string {
	switch theme {
	case LightTheme:
		return painted(rules, lightColours)
	case DarkTheme:
		return painted(rules, darkColours)
	case PrintTheme:
		return painted(rules, printColours)
	}
	return painted(rules, lightColours) + "@media (prefers-color-scheme:dark){\n" + painted(coloursOnly(rules), darkColours) + "}\n"
}
