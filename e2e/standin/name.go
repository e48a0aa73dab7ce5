package standin

import "strings"

// splitName takes a name of up to three parts apart, with or without brackets;
// a third part would be the database, which has to be the session's own.
func splitName(text string) (schemaName, name string, ok bool) {
	parts, ok := nameParts(strings.TrimSpace(text))
	if !ok || len(parts) > 2 {
		return "", "", false
	}
	if len(parts) == 1 {
		return "", parts[0], true
	}
	return parts[0], parts[1], true
}

func bareName(text string) string {
	parts, ok := nameParts(strings.TrimSpace(text))
	if !ok || len(parts) != 1 {
		return text
	}
	return parts[0]
}

func nameParts(text string) (parts []string, ok bool) {
	for {
		part, rest, found := "", "", false
		switch {
		case strings.HasPrefix(text, "["):
			part, rest, found = quoted(text[1:], ']')
		case strings.HasPrefix(text, `"`):
			part, rest, found = quoted(text[1:], '"')
		default:
			i := strings.IndexByte(text, '.')
			if i < 0 {
				i = len(text)
			}
			part, rest, found = text[:i], text[i:], i > 0
		}
		if !found {
			return nil, false
		}
		parts = append(parts, part)
		if rest == "" {
			return parts, true
		}
		if text, found = strings.CutPrefix(rest, "."); !found {
			return nil, false
		}
	}
}

// quoted reads up to the closing sign, which stands for itself when doubled.
func quoted(text string, closing byte) (part, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] != closing:
			b.WriteByte(text[i])
		case i+1 < len(text) && text[i+1] == closing:
			b.WriteByte(closing)
			i++
		default:
			return b.String(), text[i+1:], true
		}
	}
	return "", "", false
}
