package secret

import (
	"regexp"
	"strings"
)

// urls finds URLs. A password may have blanks in it, as it should not.
var urls = regexp.MustCompile(`((?:^|[^A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]*://)([^\s"…](?:[^\s"/?#:@]*:[^\n"/?#]*@)?[^\s"]*)`)

// hideURL leaves of a URL its scheme, user, host and path.
func hideURL(found string) string {
	scheme, rest, _ := strings.Cut(found, "://")
	core := strings.TrimRight(rest, ".,:;)]}>'`")
	end := rest[len(core):]
	user := ""
	if at := userinfo(core); at >= 0 {
		name, _, ok := strings.Cut(core[:at], ":")
		if !ok {
			name = ""
		}
		user, core = strings.TrimPrefix(name+":xxxxx@", ":"), core[at+1:]
	}
	if i := strings.IndexAny(core, "?#"); i >= 0 && core[i+1:] != "" {
		core = core[:i] + core[i:i+1] + "…"
	}
	return scheme + "://" + user + core + end
}

// userinfo returns where the at sign is that ends the user and password of what
// follows a URL's ://; -1: there are none. A password may have been written without
// the encoding that it needs.
func userinfo(rest string) int {
	authority := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority = rest[:i]
	}
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		return at
	}
	_, port, ok := strings.Cut(authority, ":")
	if ok && authority[0] != '[' && strings.Trim(port, "0123456789") != "" {
		return strings.LastIndexByte(rest, '@')
	}
	return -1
}
