/* Check URL ROOT CA LEAF NONCE - "good", or "refused: why", as the JDK's PKIX validator finds it. */
import java.io.FileInputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.security.SecureRandom;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateFactory;
import java.security.cert.CertificateRevokedException;
import java.security.cert.Extension;
import java.security.cert.PKIXParameters;
import java.security.cert.PKIXRevocationChecker;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

public class Check {
    /* An OCSP nonce of so many octets, at most 100: its DER by hand. */
    static class Nonce implements Extension {
        private static final byte[] OID = {6, 9, 0x2b, 6, 1, 5, 5, 7, 0x30, 1, 2};
        private final byte[] value;

        Nonce(int length) {
            byte[] random = new byte[length];
            new SecureRandom().nextBytes(random);
            value = new byte[length + 2];
            value[0] = 4;
            value[1] = (byte) length;
            System.arraycopy(random, 0, value, 2, length);
        }

        public String getId() {
            return "1.3.6.1.5.5.7.48.1.2";
        }

        public boolean isCritical() {
            return false;
        }

        public byte[] getValue() {
            return value;
        }

        public void encode(OutputStream out) throws java.io.IOException {
            out.write(0x30);
            out.write(OID.length + 2 + value.length);
            out.write(OID);
            out.write(4);
            out.write(value.length);
            out.write(value);
        }
    }

    static X509Certificate read(String path) throws Exception {
        try (InputStream in = new FileInputStream(path)) {
            return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
        }
    }

    public static void main(String[] args) throws Exception {
        CertPathValidator validator = CertPathValidator.getInstance("PKIX");
        PKIXRevocationChecker checker = (PKIXRevocationChecker) validator.getRevocationChecker();
        checker.setOptions(EnumSet.of(PKIXRevocationChecker.Option.ONLY_END_ENTITY,
                                      PKIXRevocationChecker.Option.NO_FALLBACK));
        checker.setOcspResponder(new URI(args[0]));
        if (!args[4].equals("0"))
            checker.setOcspExtensions(List.of((Extension) new Nonce(Integer.parseInt(args[4]))));
        PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor(read(args[1]), null)));
        parameters.addCertPathChecker(checker);
        CertificateFactory factory = CertificateFactory.getInstance("X.509");
        try {
            validator.validate(factory.generateCertPath(List.of(read(args[3]), read(args[2]))),
                               parameters);
            System.out.println("good");
        } catch (CertPathValidatorException e) {
            String why = e.getReason() + " " + e.getMessage();
            if (e.getCause() instanceof CertificateRevokedException)
                why = "revoked " + ((CertificateRevokedException) e.getCause()).getRevocationReason();
            System.out.println("refused: " + why);
        }
    }
}
