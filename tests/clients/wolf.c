/* wolf ROOT CA LEAF - "good", or why wolfSSL refuses this certificate (DER): it asks the responder that
 * the certificate names. */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include <stdio.h>

int main(int argc, char **argv)
{
	WOLFSSL_CERT_MANAGER *manager;
	unsigned char der[8192];
	char text[WOLFSSL_MAX_ERROR_SZ];
	size_t len;
	FILE *f;
	int e;

	if (argc != 4 || !(f = fopen(argv[3], "rb")))
		return 2;
	len = fread(der, 1, sizeof der, f);
	fclose(f);
	wolfSSL_Init();
	manager = wolfSSL_CertManagerNew();
	if (!manager || wolfSSL_CertManagerLoadCA(manager, argv[1], NULL) != WOLFSSL_SUCCESS ||
	    wolfSSL_CertManagerLoadCA(manager, argv[2], NULL) != WOLFSSL_SUCCESS ||
	    wolfSSL_CertManagerEnableOCSP(manager, 0) != WOLFSSL_SUCCESS)
		return 1;
	e = wolfSSL_CertManagerCheckOCSP(manager, der, (int)len);
	if (e == WOLFSSL_SUCCESS)
		puts("good");
	else
		printf("refused: %s\n", wolfSSL_ERR_error_string((unsigned long)e, text));
	return 0;
}
