package digest

// Computed with md5sum and sha256sum, see TestResponseValue.
const (
	md5Want    = "8d48426b364fd79998ead0623d625236"
	sha256Want = "ca8981116d369fad5a0f83ca0ae102a5444703080c3020772104ade540c80804"
)
