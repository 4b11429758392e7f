/* Readers of list flags: see flag_lists.h. What they refuse, the daemon is not asked for. */
#include "api/client/flag_lists.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "api/client/addresses.h"
#include "pkg/csv.h"
#include "pkg/mem.h"
#include "pkg/strlist.h"

int flag_csv(const char *text, void *list, struct error *err)
{
	return *text ? csv_split(text, list, err) : 0;
}

/* Without the blanks around it. Caller frees. */
static char *trimmed(const char *text)
{
	size_t n;

	text += strspn(text, " \t\r\n");
	n = strlen(text);
	while (n && isspace((unsigned char)text[n - 1]))
		n--;
	return xstrndup(text, n);
}

int flag_filter(const char *text, void *list, struct error *err)
{
	const char *eq = strchr(text, '=');
	autofree char *name = NULL, *key = NULL, *value = NULL;

	if (!*text)
		return 0;
	if (!eq)
		return error_set(err, ERR_BAD_REQUEST,
				 "bad format of filter (expected name=value)");
	name = xstrndup(text, (size_t)(eq - text));
	key = trimmed(name);
	value = trimmed(eq + 1);
	for (char *p = key; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	strlist_addf(list, "%s=%s", key, value);
	return 0;
}

int flag_label(const char *text, void *list, struct error *err)
{
	const char *name = text + strspn(text, " \t");
	size_t n = strcspn(name, "=");
	autofree char *key = xstrndup(name, n);

	if (!n)
		return error_set(err, ERR_BAD_REQUEST, "invalid label '%s': empty name", text);
	if (strpbrk(key, " \t"))
		return error_set(err, ERR_BAD_REQUEST, "label '%s' contains whitespaces", key);
	strlist_add(list, text);
	return 0;
}

int flag_link(const char *text, void *list, struct error *err)
{
	const char *colon = strchr(text, ':');

	if (!*text)
		return error_set(err, ERR_BAD_REQUEST, "empty string specified for links");
	if (colon && strchr(colon + 1, ':'))
		return error_set(err, ERR_BAD_REQUEST, "bad format for links: %s", text);
	strlist_add(list, text);
	return 0;
}

int flag_add_host(const char *text, void *list, struct error *err)
{
	const char *by = strchr(text, '=');
	autofree char *host = NULL, *address = NULL, *plain = NULL;
	struct ip ip;
	size_t n;

	if (!by)
		by = strchr(text, ':');
	host = xstrndup(text, by ? (size_t)(by - text) : 0);
	if (!*host || strchr(host, ':'))
		return error_set(err, ERR_BAD_REQUEST, "bad format for add-host: \"%s\"", text);
	by++;
	n = strlen(by);
	address = n > 2 && by[0] == '[' && by[n - 1] == ']' ? xstrndup(by + 1, n - 2) : xstrdup(by);
	plain = trimmed(address);
	if (strcmp(by, "host-gateway") != 0 && !ip_parse(plain, &ip))
		return error_set(err, ERR_BAD_REQUEST, "invalid IP address in add-host: \"%s\"",
				 address);
	strlist_addf(list, "%s:%s", host, address);
	return 0;
}

int flag_dns(const char *text, void *list, struct error *err)
{
	autofree char *address = trimmed(text);
	char canonical[INET6_ADDRSTRLEN] = "";
	struct ip ip;

	if (!ip_parse(address, &ip))
		return error_set(err, ERR_BAD_REQUEST, "IP address is not correctly formatted: %s",
				 text);
	inet_ntop(ip.family, ip.bytes, canonical, sizeof(canonical));
	strlist_add(list, canonical);
	return 0;
}

/* Letters, digits and inner dashes, in pieces with dots between; a letter is among them. */
static bool is_domain(const char *s)
{
	bool letter = false;
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++) {
		bool inner = i && i + 1 < n && s[i - 1] != '.' && s[i + 1] != '.';

		if (!isalnum((unsigned char)s[i]) && !((s[i] == '-' || s[i] == '.') && inner))
			return false;
		if (s[i] == '.' && (s[i - 1] == '-' || s[i + 1] == '-'))
			return false;
		letter |= isalpha((unsigned char)s[i]) != 0;
	}
	return letter && n < 255;
}

int flag_dns_search(const char *text, void *list, struct error *err)
{
	autofree char *domain = trimmed(text);
	size_t n = strlen(domain);

	if (n > 1 && domain[n - 1] == '.')
		domain[n - 1] = '\0';
	if (strcmp(domain, ".") != 0 && !is_domain(domain))
		return error_set(err, ERR_BAD_REQUEST, "%s is not a valid domain", text);
	strlist_add(list, domain);
	return 0;
}
