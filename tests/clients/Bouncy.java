/* Bouncy URL CA LEAF HASH - "good" or "revoked REASON", or "refused: why", as Bouncy Castle finds it.
 * HASH: sha1, or sha256, whose AlgorithmIdentifier it sends without parameters. */
import java.io.FileInputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URL;
import java.security.SecureRandom;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import org.bouncycastle.asn1.DEROctetString;
import org.bouncycastle.asn1.nist.NISTObjectIdentifiers;
import org.bouncycastle.asn1.ocsp.OCSPObjectIdentifiers;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.Extensions;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.ocsp.BasicOCSPResp;
import org.bouncycastle.cert.ocsp.CertificateID;
import org.bouncycastle.cert.ocsp.OCSPReqBuilder;
import org.bouncycastle.cert.ocsp.OCSPResp;
import org.bouncycastle.cert.ocsp.RevokedStatus;
import org.bouncycastle.cert.ocsp.SingleResp;
import org.bouncycastle.operator.bc.BcDigestCalculatorProvider;
import org.bouncycastle.operator.bc.BcRSAContentVerifierProviderBuilder;
import org.bouncycastle.operator.DefaultDigestAlgorithmIdentifierFinder;

public class Bouncy {
    static X509CertificateHolder read(String path) throws Exception {
        try (InputStream in = new FileInputStream(path)) {
            CertificateFactory factory = CertificateFactory.getInstance("X.509");
            return new X509CertificateHolder(
                ((X509Certificate) factory.generateCertificate(in)).getEncoded());
        }
    }

    static byte[] ask(String url, byte[] request) throws Exception {
        HttpURLConnection http = (HttpURLConnection) new URL(url).openConnection();
        http.setDoOutput(true);
        http.setRequestProperty("Content-Type", "application/ocsp-request");
        http.setRequestProperty("Accept", "application/ocsp-response");
        try (OutputStream out = http.getOutputStream()) {
            out.write(request);
        }
        try (InputStream in = http.getInputStream()) {
            return in.readAllBytes();
        }
    }

    static boolean verifies(BasicOCSPResp basic, X509CertificateHolder ca) throws Exception {
        BcRSAContentVerifierProviderBuilder builder = new BcRSAContentVerifierProviderBuilder(
            new DefaultDigestAlgorithmIdentifierFinder());
        X509CertificateHolder signer = ca;
        if (basic.getCerts().length > 0) {
            signer = basic.getCerts()[0];
            if (!signer.isSignatureValid(builder.build(ca)))
                return false;
        }
        return basic.isSignatureValid(builder.build(signer));
    }

    static String judge(String[] args) throws Exception {
        X509CertificateHolder ca = read(args[1]), leaf = read(args[2]);
        AlgorithmIdentifier hash = args[3].equals("sha1") ? CertificateID.HASH_SHA1
            : new AlgorithmIdentifier(NISTObjectIdentifiers.id_sha256);
        CertificateID id = new CertificateID(new BcDigestCalculatorProvider().get(hash), ca,
                                             leaf.getSerialNumber());
        byte[] nonce = new byte[16];
        new SecureRandom().nextBytes(nonce);
        Extension extension = new Extension(OCSPObjectIdentifiers.id_pkix_ocsp_nonce, false,
                                            new DEROctetString(nonce).getEncoded());
        byte[] request = new OCSPReqBuilder().addRequest(id)
            .setRequestExtensions(new Extensions(extension)).build().getEncoded();
        OCSPResp response = new OCSPResp(ask(args[0], request));
        if (response.getStatus() != OCSPResp.SUCCESSFUL)
            return "refused: status " + response.getStatus();
        BasicOCSPResp basic = (BasicOCSPResp) response.getResponseObject();
        SingleResp single = basic.getResponses()[0];
        if (!single.getCertID().equals(id))
            return "refused: another CertID";
        if (!Arrays.equals(basic.getExtension(OCSPObjectIdentifiers.id_pkix_ocsp_nonce)
                           .getExtnValue().getOctets(), extension.getExtnValue().getOctets()))
            return "refused: another nonce";
        if (!verifies(basic, ca))
            return "refused: the signature";
        if (single.getCertStatus() instanceof RevokedStatus)
            return "revoked " + ((RevokedStatus) single.getCertStatus()).getRevocationReason();
        return single.getCertStatus() == org.bouncycastle.cert.ocsp.CertificateStatus.GOOD
            ? "good" : "refused: unknown";
    }

    public static void main(String[] args) throws Exception {
        System.out.println(judge(args));
    }
}
